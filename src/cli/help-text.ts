import { groupOf, groupSummaries, headings } from './command-entry.ts'
import type { CommandEntry } from './command-entry.ts'
import { exitCodeMeanings } from './exit-codes.ts'
import type { HelpBlock, HelpPage } from './help-page.ts'
import type { Output } from './output.ts'
import { widthOf } from './plain-text.ts'

/** How help is drawn: how wide, and what a heading looks like. */
export type HelpLook = Pick<Output, 'columns' | 'paint'>

/** Like a manual page. */
export function writtenPage({ name, summary, sections }: HelpPage, look: HelpLook): string {
  const parts = [{ title: 'NAME', blocks: [textBlock(`${name} - ${summary}`)] }, ...sections]
  return `${parts.map(({ title, blocks }) => [look.paint.bold(title), blocksText(blocks, look)].join('\n')).join('\n\n')}\n`
}

/** Every command in a line, by heading. */
export function programHelp(entries: readonly CommandEntry[], look: HelpLook): string {
  const shown = entries.filter(({ isHidden }) => isHidden !== true)
  const nameOf = ({ name }: CommandEntry): string => groupOf(name) ?? name
  const column = Math.max(...shown.map(entry => nameOf(entry).length)) + 4
  const lists = headings.map(heading => {
    const rows = new Map(
      shown.filter(entry => entry.heading === heading).map(entry => [nameOf(entry), summaryOf(entry)]),
    )
    const lines = [...rows].map(([name, summary]) => hanging(`  ${name}`, summary, { column, look }))
    return lines.length === 0 ? [] : [look.paint.bold(heading), ...lines, '']
  })
  return [
    'Claude Code and Codex as one team: a daemon that owns Codex durably, and this command line over it',
    '',
    `Usage: ${look.paint.bold('tandem')} <command> [options]`,
    '',
    ...lists.flat(),
    look.paint.bold('Exit codes'),
    ...exitCodeMeanings.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`),
    '',
    '`tandem help <command>` shows what a command does and takes, with examples.',
    '',
  ].join('\n')
}

/** A group stands for its commands. */
function summaryOf({ name, summary }: CommandEntry): string {
  const group = groupOf(name)
  return group === null ? summary : (groupSummaries[group] ?? summary)
}

function blocksText(blocks: readonly HelpBlock[], look: HelpLook): string {
  return blocks.map(block => blockText(block, look)).join('\n\n')
}

function blockText(block: HelpBlock, look: HelpLook): string {
  switch (block.kind) {
    case 'text':
      return wrapped(block.text, { indent: 4, look })
    case 'lines':
      return block.lines.map(line => `    ${line}`).join('\n')
    case 'terms':
      return termsText(block.terms, look)
  }
}

/** Short terms have their texts beside them, as a table; with a long one among them all have theirs below. */
function termsText(
  terms: readonly { readonly term: string; readonly texts: readonly string[] }[],
  look: HelpLook,
): string {
  const longest = Math.max(...terms.map(({ term }) => widthOf(term)))
  const isShort = longest <= 12 && longest + 7 <= look.columns() / 3
  if (isShort && terms.every(({ texts }) => texts.length === 1))
    return terms
      .map(({ term, texts }) => hanging(`    ${term}`, texts.join(' '), { column: longest + 7, look }))
      .join('\n')
  const below = terms.map(({ term, texts }) =>
    [`    ${look.paint.bold(term)}`, ...texts.map(one => wrapped(one, { indent: 8, look }))].join('\n'),
  )
  return below.join('\n\n')
}

/** A name with its text beside it, further lines of which stay in their column. */
function hanging(
  name: string,
  text: string,
  { column, look }: { readonly column: number; readonly look: HelpLook },
): string {
  const [first = '', ...rest] = linesOf(text, widthFor(column, look))
  return [`${name.padEnd(column)}${first}`, ...rest.map(line => `${' '.repeat(column)}${line}`)].join('\n')
}

function wrapped(text: string, { indent, look }: { readonly indent: number; readonly look: HelpLook }): string {
  return linesOf(text, widthFor(indent, look))
    .map(line => `${' '.repeat(indent)}${line}`)
    .join('\n')
}

/** Long lines are hard to read, however wide the terminal is. */
const widthFor = (indent: number, { columns }: HelpLook): number => Math.max(8, Math.min(columns(), 100) - indent)

/** Words are never cut: what is longer than a line has one of its own. */
function linesOf(text: string, width: number): readonly string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(/\s+/)) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

const textBlock = (text: string): HelpBlock => ({ kind: 'text', text })
