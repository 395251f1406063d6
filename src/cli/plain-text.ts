/*
 * Text from outside (answers of the model, commands, file names, log lines) may hold sequences that move the cursor,
 * set the title of the window or paste keystrokes. Whatever goes to a person passes through here.
 */

/** Without control characters (C0, C1, DEL, whole escape sequences, bidirectional overrides); line ends become "\n". */
export function plain(text: string): string {
  return text.replace(escapeSequence, '').replace(/\r\n?/g, '\n').replace(control, '')
}

/** The same on one line: line ends and tabs become spaces, runs of spaces one. */
export function plainLine(text: string): string {
  return plain(text).replace(/\s+/g, ' ').trim()
}

/** JSON on one line, with the control characters that JSON itself leaves alone escaped. The value stays the same. */
export function jsonLine(value: unknown): string {
  return escapeLeft(JSON.stringify(value))
}

/** JSON for reading. */
export function jsonPretty(value: unknown): string {
  return escapeLeft(JSON.stringify(value, null, 2))
}

/** Columns that a text without control characters takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0
  for (const char of text) width += charWidth(char)
  return width
}

/** Cut to `columns`, with "…" for what is gone. */
export function cutTo(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let kept = ''
  let width = 0
  for (const char of text) {
    width += charWidth(char)
    if (width > columns - 1) break
    kept += char
  }
  return columns < 1 ? '' : `${kept}…`
}

function charWidth(char: string): number {
  if (noWidth.test(char)) return 0
  return doubleWidth.test(char) ? 2 : 1
}

const escapeLeft = (json: string): string =>
  json.replace(leftByJson, char => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** CSI; OSC, DCS, SOS, PM, APC up to their end or the end of the line; other two-character escapes. ECMA-48. */
const escapeSequence =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]/g
const control = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u202a-\u202e\u2066-\u2069]/g
const leftByJson = /[\x7f-\x9f\u061c\u2028-\u202e\u2066-\u2069]/g
const noWidth = /^[\p{M}\u200b-\u200f\ufeff]$/u
/** East Asian wide and full-width ranges, and what is drawn as a picture. */
const doubleWidth =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}\p{Emoji_Presentation}]$/u
