/*
 * Postgres takes no character NUL in a text. What has one is kept with an escape: SUB (U+001A) is written SUB 1, NUL is
 * written SUB 0. Every text goes through here in both directions, so an equal text is an equal column. JSON never has
 * either of them raw, and other texts hardly ever: nothing is copied then.
 */

const substitute = '\u001a'

export function postgresTextOf(text: string): string {
  if (!text.includes('\0') && !text.includes(substitute)) return text
  return text.replaceAll(substitute, `${substitute}1`).replaceAll('\0', `${substitute}0`)
}

export function textOfPostgres(text: string): string {
  if (!text.includes(substitute)) return text
  return text.replaceAll(`${substitute}0`, '\0').replaceAll(`${substitute}1`, substitute)
}
