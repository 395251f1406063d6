import { groupOf, headings } from './command-entry.ts'
import type { CommandEntry } from './command-entry.ts'
import { daemonEntries } from './daemon-commands.ts'
import { localEntries } from './local-commands.ts'
import { ownEntries } from './own-commands.ts'
import { verbEntries } from './verb-entries.ts'

/** Every command, in the order of the program's help. Only verbs that are wanted have help texts: they cost reading a schema each. */
export function allEntries(isWanted: (command: string) => boolean): readonly CommandEntry[] {
  const own = ownEntries(commandEntries)
  const entries = [...verbEntries(isWanted), ...daemonEntries, ...localEntries, ...own]
  return headings.flatMap(heading => entries.filter(entry => entry.heading === heading))
}

/** Every command with all that is known of it, for documents. */
export const commandEntries = (): readonly CommandEntry[] => allEntries(() => true)

/** What the words of a line name: a command, the first word of some, or nothing that is there. */
export type Named =
  | { readonly kind: 'command'; readonly name: string }
  | { readonly kind: 'group'; readonly name: string }
  | { readonly kind: 'nothing' }

export function namedBy(entries: readonly CommandEntry[], words: readonly string[]): Named {
  const [first = '', second = ''] = words
  const found = [`${first} ${second}`, first].find(name => entries.some(entry => entry.name === name))
  if (found !== undefined) return { kind: 'command', name: found }
  return entries.some(({ name }) => groupOf(name) === first) ? { kind: 'group', name: first } : { kind: 'nothing' }
}
