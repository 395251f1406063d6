import type { ErrorKind } from '#kernel'
import type { Session } from './session.ts'

/**
 * One command as data: parsing, help, completion and its page in docs/ are made from it. Verbs become entries by
 * themselves (`verb-entries.ts`); what the command line has of its own stands in tables of these.
 */
export interface CommandEntry {
  /** One word, or two: `turns`, `policy show`. */
  readonly name: string
  readonly heading: Heading
  /** In a list of commands: a few words, no full stop. */
  readonly summary: string
  /** Whole sentences for its page; an empty line parts paragraphs. */
  readonly description?: string
  readonly arguments?: readonly EntryArgument[]
  readonly options?: readonly EntryOption[]
  readonly examples?: readonly string[]
  /** Exit codes that say something of their own here. */
  readonly exitStatus?: readonly (readonly [number, string])[]
  /** How it can fail, besides for wrong arguments and a fault of ours. Default: in every way, as what asks the daemon for work. */
  readonly failures?: readonly ErrorKind[]
  /** It has no answer of its own that could be JSON. */
  readonly isWithoutJson?: true
  /** For programs only: in no list. */
  readonly isHidden?: true
  run(session: Session, line: Line): Promise<number> | number
}

export interface EntryArgument {
  /** As in the help: `turn-id`. */
  readonly name: string
  readonly help: string
  readonly isOptional?: boolean
  /** The rest of the line, joined with blanks. */
  readonly takesRest?: boolean
  /** When given, nothing else is taken. */
  readonly choices?: readonly string[]
  /** Offered by completion. */
  readonly ids?: IdKind
}

export interface EntryOption {
  /** `-n, --lines <count>`; `<file...>` may be repeated; without `<value>` it is a switch. */
  readonly flags: string
  readonly help: string
  /** When given, nothing else is taken; offered by completion and named in the help. */
  readonly choices?: readonly string[]
  /** The choices are not all there is, or the verb's schema refuses others together with all else that is wrong. */
  readonly isCheckedLater?: true
  readonly ids?: IdKind
  /** What holds when it is not given, as the help names it. */
  readonly fallback?: string
  /** Throws commander's InvalidArgumentError; default: the text as it is. */
  readonly parse?: (text: string) => unknown
}

/** What ids completion can ask the daemon for. */
export const idKinds = ['turns', 'open-turns', 'sessions'] as const
export type IdKind = (typeof idKinds)[number]

/** What stands on the line, already parsed. */
export interface Line {
  /** By its name in the entry. */
  argument(name: string): string | undefined
  /** By its long name, without the dashes, as it was parsed: a list for one that may be repeated. */
  option(name: string): unknown
  /** The same where it is text. */
  text(name: string): string | undefined
  /** Whether a switch was given. */
  has(name: string): boolean
}

/** In the order of the program's help. */
export const headings = ['Turns and sessions', 'The daemon', 'Setting up', 'More'] as const
export type Heading = (typeof headings)[number]

/** What a group of two-word commands is about, by their first word. */
export const groupSummaries: Readonly<Record<string, string>> = {
  claude: 'Tandem in your own Claude Code',
  policy: 'what may be asked of Codex at most',
  store: 'where turns and sessions are kept',
}

/** `policy` of `policy show`; null for a command of one word. */
export function groupOf(name: string): string | null {
  const [first = '', second] = name.split(' ')
  return second === undefined ? null : first
}

/** All options of a command, those that every command has among them. */
export const optionsOf = (entry: CommandEntry): readonly EntryOption[] => [
  ...(entry.options ?? []),
  ...(entry.isWithoutJson === true ? [] : [jsonOption]),
]

const jsonOption: EntryOption = { flags: '--json', help: 'answer in JSON, one object a line, errors too' }
