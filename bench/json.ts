/** What came as JSON, and has to be looked at. */
export type JsonObject = Readonly<Record<string, unknown>>

/** The member of a member: `textAt(answer, 'thread', 'id')`. */
export function textAt(value: unknown, ...path: readonly string[]): string {
  const found = path.reduce<unknown>((inner, name) => Object(inner)[name], value)
  if (typeof found === 'string') return found
  throw new Error(`no text at ${path.join('.')} in ${JSON.stringify(value)?.slice(0, 500)}`)
}
