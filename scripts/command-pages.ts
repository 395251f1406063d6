import { commandEntries, exitCodeMeanings, pageOfCommand, relatedTo } from '#cli'
import type { CommandEntry, HelpBlock, HelpPage } from '#cli'

/** A page for each command, an index of them and the exit codes: the same text that `tandem help` shows. */
export function commandPages(): ReadonlyMap<string, string> {
  const entries = commandEntries().filter(({ isHidden }) => isHidden !== true)
  return new Map([
    ['docs/exit-codes.md', exitCodesPage()],
    ['docs/commands/README.md', indexPage(entries)],
    ...entries.map(entry => [`docs/commands/${fileOf(entry.name)}`, commandPage(entry, entries)] as const),
  ])
}

const fileOf = (name: string): string => `${name.replaceAll(' ', '-')}.md`

function indexPage(entries: readonly CommandEntry[]): string {
  const lists = [...Map.groupBy(entries, ({ heading }) => heading)].map(([heading, group]) => {
    const rows = group.map(({ name, summary }) => `| [\`tandem ${name}\`](${fileOf(name)}) | ${cell(summary)} |`)
    return `## ${heading}\n\n| command | |\n| --- | --- |\n${rows.join('\n')}`
  })
  return page('Commands', [
    'The same as `tandem help <command>` shows. Every command ends with one of the [exit codes](../exit-codes.md); `tandem completion` prints completion for bash, zsh and fish.',
    ...lists,
    environment,
  ])
}

const environment = `## What the environment says

| variable | |
| --- | --- |
| \`NO_COLOR\` | not empty: no colours, whatever else is set |
| \`FORCE_COLOR\` | not empty and not \`0\`: colours in a pipe, too |
| \`TERM\` | \`dumb\`: no colours, and nothing is drawn over |
| \`TANDEM_CONFIG_DIR\`, \`TANDEM_STATE_DIR\`, \`TANDEM_RUNTIME_DIR\` | other places than the usual ones, see [Configuration](../configuration.md) |`

function exitCodesPage(): string {
  const rows = exitCodeMeanings.map(([code, meaning]) => `| ${code} | ${cell(meaning)} |`)
  return page('Exit codes', [
    'Every command ends with one of these. What a command means by one of its own stands on its page.',
    `| code | meaning |\n| --- | --- |\n${rows.join('\n')}`,
    'The numbers are those of `sysexits.h` where it has a word for it, of `timeout(1)` for 124, and of a shell (128 + signal) for the last two.',
  ])
}

function commandPage(entry: CommandEntry, entries: readonly CommandEntry[]): string {
  const help: HelpPage = pageOfCommand(entry, entries)
  const sections = help.sections.map(({ title, blocks }) =>
    title === 'SEE ALSO' ? seeAlso(entry, entries) : `## ${headline(title)}\n\n${blocks.map(blockText).join('\n\n')}`,
  )
  return page(help.name, [`${capital(help.summary)}.`, ...sections])
}

function seeAlso(entry: CommandEntry, entries: readonly CommandEntry[]): string {
  const links = relatedTo(
    entry.name,
    entries.map(({ name }) => name),
  ).map(name => `[\`tandem ${name}\`](${fileOf(name)})`)
  return `## See also\n\n${links.join(', ')}`
}

function blockText(block: HelpBlock): string {
  switch (block.kind) {
    case 'text':
      return escaped(block.text)
    case 'lines':
      return ['```sh', ...block.lines, '```'].join('\n')
    case 'terms':
      return ['| | |', '| --- | --- |', ...block.terms.map(termRow)].join('\n')
  }
}

const termRow = ({ term, texts }: { readonly term: string; readonly texts: readonly string[] }): string =>
  `| \`${cell(term)}\` | ${cell(escaped(texts.join('; ')))} |`

/** Outside of code Markdown takes `<id>` for a tag. */
const escaped = (text: string): string => text.replace(/<(?=\w)/g, '\\<')
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
const headline = (title: string): string => capital(title.toLowerCase())

const page = (title: string, sections: readonly string[]): string =>
  `<!-- Written by \`npm run docs\` from the descriptions of the commands; change it there. -->\n\n# ${title}\n\n${sections.join('\n\n')}\n`
