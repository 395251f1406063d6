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

/** CSI; OSC, DCS, SOS, PM, APC up to their end or the end of the line; other two-character escapes. ECMA-48. */
const escapeSequence =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]/g
const control = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u202a-\u202e\u2066-\u2069]/g
