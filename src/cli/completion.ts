/** What completion has to know of a command. */
export interface CompletedCommand {
  readonly name: string
  readonly summary: string
  /** "-m", "--model" */
  readonly flags: readonly string[]
  /** Of the flags whose values can be listed. */
  readonly values: readonly FlagValues[]
}

export interface FlagValues {
  readonly flag: string
  readonly values: readonly string[]
}

export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

/** A script that completes commands, their options and the values of those that can be listed; file names everywhere else. */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  return writers[shell](commands)
}

const writers: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
}

function bashScript(commands: readonly CompletedCommand[]): string {
  return [
    '# tandem completion bash: put `eval "$(tandem completion bash)"` into ~/.bashrc',
    '_tandem() {',
    '  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} choices=',
    '  if ((COMP_CWORD == 1)); then',
    `    choices='${commands.map(({ name }) => name).join(' ')}'`,
    '  else',
    '    case "${COMP_WORDS[1]} $before" in',
    ...valueCases(commands, values => `choices='${values.join(' ')}'`),
    '    esac',
    '  fi',
    '  if [[ -z $choices && $word == -* ]]; then',
    '    case ${COMP_WORDS[1]} in',
    ...commands.map(({ name, flags }) => `      ${name}) choices='${flags.join(' ')}' ;;`),
    '    esac',
    '  fi',
    '  COMPREPLY=($(compgen -W "$choices" -- "$word"))',
    '}',
    'complete -o default -F _tandem tandem',
    '',
  ].join('\n')
}

function zshScript(commands: readonly CompletedCommand[]): string {
  return [
    '#compdef tandem',
    '# tandem completion zsh: put `eval "$(tandem completion zsh)"` into ~/.zshrc, after compinit',
    '_tandem() {',
    '  local -a commands',
    '  commands=(',
    ...commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary.replaceAll(':', ' -')}`)}`),
    '  )',
    "  if ((CURRENT == 2)); then _describe 'command' commands; return; fi",
    '  case "$words[2] $words[CURRENT-1]" in',
    ...valueCases(commands, values => `compadd -- ${values.join(' ')}; return`),
    '  esac',
    '  if [[ $words[CURRENT] != -* ]]; then _files; return; fi',
    '  case $words[2] in',
    ...commands.map(({ name, flags }) => `    ${name}) compadd -- ${flags.join(' ')} ;;`),
    '  esac',
    '}',
    'compdef _tandem tandem',
    '',
  ].join('\n')
}

function fishScript(commands: readonly CompletedCommand[]): string {
  return [
    '# tandem completion fish: `tandem completion fish > ~/.config/fish/completions/tandem.fish`',
    ...commands.map(
      ({ name, summary }) => `complete -c tandem -n __fish_use_subcommand -f -a ${name} -d ${quoted(summary)}`,
    ),
    ...commands.flatMap(({ name, flags, values }) =>
      flags.map(flag => {
        const known = values.find(one => one.flag === flag)?.values
        const choices = known === undefined ? '' : ` -x -a ${quoted(known.join(' '))}`
        return `complete -c tandem -n '__fish_seen_subcommand_from ${name}' ${fishFlag(flag)}${choices}`
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
