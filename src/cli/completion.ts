import { groupOf, groupSummaries, optionsOf } from './command-entry.ts'
import type { CommandEntry } from './command-entry.ts'

/** What completion has to know of a command. */
interface CompletedCommand {
  /** One word or two. */
  readonly name: string
  readonly summary: string
  /** "-m", "--model" */
  readonly flags: readonly string[]
  /** Of the flags whose values can be listed. */
  readonly values: readonly { readonly flag: string; readonly values: readonly string[] }[]
}

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** A script that completes commands, their options and the values of those that can be listed; file names everywhere else. */
export function completionScript(shell: Shell, entries: readonly CommandEntry[]): string {
  return writers[shell](entries.map(completedOf))
}

function completedOf(entry: CommandEntry): CompletedCommand {
  const options = optionsOf(entry).map(({ flags, choices = [] }) => ({
    flags: flags.match(/(?<![\w-])--?[\w-]+/g) ?? [],
    choices,
  }))
  return {
    name: entry.name,
    summary: entry.summary,
    flags: options.flatMap(({ flags }) => flags),
    values: options.flatMap(({ flags, choices }) =>
      choices.length === 0 ? [] : flags.map(flag => ({ flag, values: choices })),
    ),
  }
}

/** The words that may come first, each once: commands of one word, and the first words of the others. */
const firstWords = (commands: readonly CompletedCommand[]): readonly string[] => [
  ...new Set(commands.map(({ name }) => groupOf(name) ?? name)),
]

/** Each first word of two with the second ones. */
function groupsOf(commands: readonly CompletedCommand[]): ReadonlyMap<string, readonly CompletedCommand[]> {
  return Map.groupBy(
    commands.filter(({ name }) => groupOf(name) !== null),
    ({ name }) => groupOf(name) ?? name,
  )
}

const lastWord = (name: string): string => name.split(' ').at(-1) ?? name

const writers: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

function bashScript(commands: readonly CompletedCommand[]): string {
  const groups = [...groupsOf(commands)]
  return [
    '# tandem completion bash: put `eval "$(tandem completion bash)"` into ~/.bashrc',
    '_tandem() {',
    '  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} choices=',
    '  case $COMP_CWORD:$command in',
    `    1:*) choices='${firstWords(commands).join(' ')}' ;;`,
    ...groups.map(
      ([first, group]) => `    2:${first}) choices='${group.map(({ name }) => lastWord(name)).join(' ')}' ;;`,
    ),
    ...groups.map(([first]) => `    *:${first}) command="$command \${COMP_WORDS[2]}" ;;`),
    '  esac',
    '  if [[ -z $choices ]]; then',
    '    case "$command $before" in',
    ...valueCases(commands, values => `choices='${values.join(' ')}'`),
    '    esac',
    '  fi',
    '  if [[ -z $choices && $word == -* ]]; then',
    '    case $command in',
    ...commands.map(({ name, flags }) => `      '${name}') choices='${flags.join(' ')}' ;;`),
    '    esac',
    '  fi',
    '  COMPREPLY=($(compgen -W "$choices" -- "$word"))',
    '}',
    'complete -o default -F _tandem tandem',
    '',
  ].join('\n')
}

function zshScript(commands: readonly CompletedCommand[]): string {
  const groups = [...groupsOf(commands)]
  const described = (command: CompletedCommand): string =>
    quoted(`${lastWord(command.name)}:${command.summary.replaceAll(':', ' -')}`)
  return [
    '#compdef tandem',
    '# tandem completion zsh: put `eval "$(tandem completion zsh)"` into ~/.zshrc, after compinit',
    '_tandem() {',
    '  local -a commands',
    '  local command=$words[2]',
    '  case "$CURRENT:$command" in',
    `    2:*) commands=(${firstWords(commands)
      .map(word =>
        described(
          commands.find(one => one.name === word) ?? {
            name: word,
            summary: groupSummaries[word] ?? '',
            flags: [],
            values: [],
          },
        ),
      )
      .join(' ')}) ;;`,
    ...groups.map(([first, group]) => `    3:${first}) commands=(${group.map(described).join(' ')}) ;;`),
    ...groups.map(([first]) => `    *:${first}) command="$command $words[3]" ;;`),
    '  esac',
    "  if (($#commands)); then _describe 'command' commands; return; fi",
    '  case "$command $words[CURRENT-1]" in',
    ...valueCases(commands, values => `compadd -- ${values.join(' ')}; return`),
    '  esac',
    '  if [[ $words[CURRENT] != -* ]]; then _files; return; fi',
    '  case $command in',
    ...commands.map(({ name, flags }) => `    '${name}') compadd -- ${flags.join(' ')} ;;`),
    '  esac',
    '}',
    'compdef _tandem tandem',
    '',
  ].join('\n')
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const groups = [...groupsOf(commands)]
  return [
    '# tandem completion fish: `tandem completion fish > ~/.config/fish/completions/tandem.fish`',
    ...firstWords(commands).map(word => {
      const summary = commands.find(({ name }) => name === word)?.summary ?? groupSummaries[word] ?? ''
      return `complete -c tandem -n __fish_use_subcommand -f -a ${word} -d ${quoted(summary)}`
    }),
    ...groups.flatMap(([first, group]) =>
      group.map(
        ({ name, summary }) =>
          `complete -c tandem -n '__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${group.map(one => lastWord(one.name)).join(' ')}' -f -a ${lastWord(name)} -d ${quoted(summary)}`,
      ),
    ),
    ...commands.flatMap(({ name, flags, values }) =>
      flags.map(flag => {
        const known = values.find(one => one.flag === flag)?.values
        const choices = known === undefined ? '' : ` -x -a ${quoted(known.join(' '))}`
        const seen = name.split(' ').map(word => `__fish_seen_subcommand_from ${word}`)
        return `complete -c tandem -n '${seen.join('; and ')}' ${fishFlag(flag)}${choices}`
      }),
    ),
    '',
  ].join('\n')
}

/** A branch of `case "command flag-before"` for each flag with values. */
function valueCases(commands: readonly CompletedCommand[], act: (values: readonly string[]) => string): string[] {
  return commands.flatMap(({ name, values }) => values.map(one => `      '${name} ${one.flag}') ${act(one.values)} ;;`))
}

const fishFlag = (flag: string): string => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)

/** One word of a shell. Fish and the others agree on this much: no backslash and no quote is left inside. */
const quoted = (text: string): string => `'${text.replaceAll('\\', '/').replaceAll("'", '’')}'`
