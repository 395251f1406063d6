/** Path in the project -> text. */
export type TextFiles = Readonly<Record<string, string>>

/** What an Edit tool does: one place of a file, word for word. */
export interface Edit {
  readonly path: string
  readonly before: string
  readonly after: string
}

/** The files after the edits, in order. Throws when a place is not there exactly once, as Claude Code's own tool would. */
export function applyEdits(files: TextFiles, edits: readonly Edit[]): TextFiles {
  return edits.reduce((now, { path, before, after }) => {
    const parts = (now[path] ?? '').split(before)
    if (parts.length !== 2) throw new Error(`${path} has the place of an edit ${parts.length - 1} times: ${before}`)
    return { ...now, [path]: parts.join(after) }
  }, files)
}
