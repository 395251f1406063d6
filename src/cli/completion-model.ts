import { groupOf, groupSummaries, optionsOf } from './command-entry.ts'
import type { CommandEntry, EntryArgument, EntryOption, IdKind } from './command-entry.ts'

/** What may stand in a place of the line. */
export type Source =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'ids'; readonly of: IdKind }
  | { readonly kind: 'files' }
  | { readonly kind: 'directories' }
  | { readonly kind: 'nothing' }

/** What completion has to know of a command. */
export interface CompletedCommand {
  /** One word or two. */
  readonly name: string
  readonly summary: string
  readonly options: readonly CompletedOption[]
  /** Of each place; the last one's holds for all that follow when `takesRest`. */
  readonly places: readonly Source[]
  readonly takesRest: boolean
}

export interface CompletedOption {
  /** "-m", "--model" */
  readonly flags: readonly string[]
  readonly help: string
  /** Null for a switch. */
  readonly value: Source | null
}

export function completedCommands(entries: readonly CommandEntry[]): readonly CompletedCommand[] {
  const shown = entries.filter(({ isHidden }) => isHidden !== true)
  const names: Source = { kind: 'words', words: firstWords(shown).map(({ word }) => word) }
  return shown.map(entry => ({
    name: entry.name,
    summary: entry.summary,
    options: [...optionsOf(entry), { flags: '-h, --help', help: 'show its help' }].map(completedOption),
    places: (entry.arguments ?? []).map(argument => (entry.name === 'help' ? names : sourceOfArgument(argument))),
    takesRest: entry.arguments?.at(-1)?.takesRest === true,
  }))
}

/** The words that may come first, each once: commands of one word, and the first words of the others. */
export function firstWords(
  commands: readonly { readonly name: string; readonly summary: string }[],
): readonly { readonly word: string; readonly summary: string }[] {
  const words = new Map(
    commands.map(({ name, summary }) => {
      const group = groupOf(name)
      return [group ?? name, group === null ? summary : (groupSummaries[group] ?? '')]
    }),
  )
  return [...words].map(([word, summary]) => ({ word, summary }))
}

/** Each first word of two with the commands that begin with it. */
export function groupsOf(
  commands: readonly CompletedCommand[],
): readonly (readonly [string, readonly CompletedCommand[]])[] {
  const ofTwo = commands.filter(({ name }) => groupOf(name) !== null)
  return [...Map.groupBy(ofTwo, ({ name }) => groupOf(name) ?? name)]
}

export const lastWord = (name: string): string => name.split(' ').at(-1) ?? name

function completedOption({ flags, help, choices = [], ids }: EntryOption): CompletedOption {
  const known = flags.split(/, /).flatMap(part => /^--?[\w-]+/.exec(part) ?? [])
  return { flags: known, help, value: flags.includes('<') ? sourceOf(flags, choices, ids) : null }
}

function sourceOf(flags: string, choices: readonly string[], ids: IdKind | undefined): Source {
  if (choices.length > 0) return { kind: 'words', words: choices }
  if (ids !== undefined) return { kind: 'ids', of: ids }
  if (/<file(?:\.\.\.)?>/.test(flags)) return { kind: 'files' }
  return { kind: /<dir(?:\.\.\.)?>/.test(flags) ? 'directories' : 'nothing' }
}

/** Whoever writes a prompt often names a file in it. */
function sourceOfArgument({ choices = [], ids, takesRest }: EntryArgument): Source {
  if (choices.length > 0) return { kind: 'words', words: choices }
  if (ids !== undefined) return { kind: 'ids', of: ids }
  return { kind: takesRest === true ? 'files' : 'nothing' }
}
