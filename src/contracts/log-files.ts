/*
 * The daemon writes its log, the command `logs` reads it: what both have to know about the names. A file that is set aside
 * is called after the day (UTC, as the times in it) on which it was begun: daemon.log.2026-11-21.1, then .2 of that day.
 */

/** `2026-11-21`, in UTC. */
export const logDayOf = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10)

/** The name for a log of that day, free among those that are there. Names without directories. */
export function setAsideName(log: string, day: string, there: readonly string[]): string {
  const taken = there.flatMap(name => partsOf(log, name) ?? []).filter(part => part.day === day)
  return `${log}.${day}.${Math.max(0, ...taken.map(part => part.number)) + 1}`
}

/** Those of `names` that were set aside, oldest first. */
export function setAsideLogs(log: string, names: readonly string[]): readonly string[] {
  const found = names.flatMap(name => partsOf(log, name) ?? [])
  return found.sort((a, b) => compare(a.day, b.day) || a.number - b.number).map(({ name }) => name)
}

interface SetAside {
  readonly name: string
  readonly day: string
  readonly number: number
}

function partsOf(log: string, name: string): SetAside | undefined {
  if (!name.startsWith(`${log}.`)) return undefined
  const [, day, number] = /^(\d{4}-\d\d-\d\d)\.(\d{1,9})$/.exec(name.slice(log.length + 1)) ?? []
  return day === undefined ? undefined : { name, day, number: Number(number) }
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
