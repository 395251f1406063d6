/* Text for a terminal and JSON on one, beside `plain` of the kernel: how wide it is, and what JSON leaves alone. */

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

const leftByJson = /[\x7f-\x9f\u061c\u2028-\u202e\u2066-\u2069]/g
const noWidth = /^[\p{M}\u200b-\u200f\ufeff]$/u
/** East Asian wide and full-width ranges, and what is drawn as a picture. */
const doubleWidth =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}\p{Emoji_Presentation}]$/u
