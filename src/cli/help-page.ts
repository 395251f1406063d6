import { groupOf, groupSummaries, optionsOf } from './command-entry.ts'
import type { CommandEntry, EntryArgument, EntryOption } from './command-entry.ts'
import { exitStatusOf } from './exit-codes.ts'
import { relatedTo } from './related-commands.ts'

/** The manual page of a command, or of a group of them: the help on a terminal and the page in docs/ are written from it. */
export interface HelpPage {
  /** `tandem policy show` */
  readonly name: string
  readonly summary: string
  readonly sections: readonly HelpSection[]
}

export interface HelpSection {
  readonly title: string
  readonly blocks: readonly HelpBlock[]
}

export type HelpBlock =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'terms'; readonly terms: readonly HelpTerm[] }
  /** Never wrapped: it is to be copied. */
  | { readonly kind: 'lines'; readonly lines: readonly string[] }

export interface HelpTerm {
  readonly term: string
  readonly texts: readonly string[]
}

/** `entry` has to have its help texts; of the others only names and summaries are used. */
export function pageOfCommand(entry: CommandEntry, entries: readonly CommandEntry[]): HelpPage {
  const name = `tandem ${entry.name}`
  const related = relatedTo(
    entry.name,
    entries.filter(({ isHidden }) => isHidden !== true).map(one => one.name),
  )
  return {
    name,
    summary: entry.summary,
    sections: [
      section('SYNOPSIS', lines([[name, synopsisOf(entry)].filter(part => part !== '').join(' ')])),
      section('DESCRIPTION', ...(entry.description ?? '').split('\n\n').map(text)),
      section('ARGUMENTS', terms((entry.arguments ?? []).map(termOfArgument))),
      section('OPTIONS', terms([...optionsOf(entry), helpOption].map(termOfOption))),
      section(
        'EXIT STATUS',
        terms(exitStatusOf(entry).map(([code, meaning]) => ({ term: String(code), texts: [meaning] }))),
      ),
      section('EXAMPLES', lines(entry.examples ?? [])),
      section('SEE ALSO', text(related.map(one => `tandem ${one}`).join(', '))),
    ].filter(isFilled),
  }
}

/** What begins with one word. */
export function pageOfGroup(group: string, entries: readonly CommandEntry[]): HelpPage {
  const members = entries.filter(entry => groupOf(entry.name) === group)
  return {
    name: `tandem ${group}`,
    summary: groupSummaries[group] ?? '',
    sections: [
      section('SYNOPSIS', lines(members.map(entry => `tandem ${entry.name} ${synopsisOf(entry)}`.trimEnd()))),
      section('COMMANDS', terms(members.map(({ name, summary }) => ({ term: name, texts: [summary] })))),
      section('SEE ALSO', text(members.map(({ name }) => `tandem help ${name}`).join(', '))),
    ],
  }
}

/** `[options] <turn-id> <message...>` */
function synopsisOf(entry: CommandEntry): string {
  const hasOptions = optionsOf(entry).length > 0
  return [...(hasOptions ? ['[options]'] : []), ...(entry.arguments ?? []).map(wordOfArgument)].join(' ')
}

export function wordOfArgument({ name, isOptional, takesRest }: EntryArgument): string {
  const word = `${name}${takesRest === true ? '...' : ''}`
  return isOptional === true ? `[${word}]` : `<${word}>`
}

function termOfArgument(argument: EntryArgument): HelpTerm {
  return { term: wordOfArgument(argument), texts: textsOf(argument.help, argument.choices) }
}

function termOfOption({ flags, help, choices, fallback }: EntryOption): HelpTerm {
  const isRepeated = flags.includes('...>')
  return {
    term: flags.replace('...>', '>'),
    texts: [
      ...textsOf(isRepeated ? `${help}; may be repeated` : help, choices),
      ...(fallback === undefined ? [] : [`default: ${fallback}`]),
    ],
  }
}

function textsOf(help: string, choices: readonly string[] = []): readonly string[] {
  return [...(help === '' ? [] : [help]), ...(choices.length === 0 ? [] : [`one of: ${choices.join(', ')}`])]
}

const helpOption: EntryOption = { flags: '-h, --help', help: 'show this' }
const section = (title: string, ...blocks: readonly HelpBlock[]): HelpSection => ({ title, blocks })
const text = (of: string): HelpBlock => ({ kind: 'text', text: of })
const terms = (of: readonly HelpTerm[]): HelpBlock => ({ kind: 'terms', terms: of })
const lines = (of: readonly string[]): HelpBlock => ({ kind: 'lines', lines: of })

function isFilled({ blocks }: HelpSection): boolean {
  return blocks.some(block => {
    if (block.kind === 'text') return block.text !== ''
    return block.kind === 'terms' ? block.terms.length > 0 : block.lines.length > 0
  })
}
