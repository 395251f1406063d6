import { placeCases, valueFunction } from './completion-cases.ts'
import { firstWords, groupsOf, lastWord } from './completion-model.ts'
import type { CompletedCommand } from './completion-model.ts'
import { quoted } from './shell-words.ts'

/**
 * For bash 3.2 and later. Nothing goes through `compgen -W`, which would expand what it is given: an id or a file name
 * never becomes a command.
 */
export function bashScript(commands: readonly CompletedCommand[]): string {
  const groups = groupsOf(commands)
  return [
    '# tandem completion bash: put `eval "$(tandem completion bash)"` into ~/.bashrc',
    '_tandem() {',
    '  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}',
    '  local first=2 at place=0 one source= choices',
    '  choices=() COMPREPLY=()',
    '  # bash parts `--flag=value` into three words.',
    '  if [[ $word == = ]]; then word=; elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}; fi',
    '  case $COMP_CWORD:$command in',
    `    1:*) choices=(${words(firstWords(commands).map(one => one.word))}) ;;`,
    ...groups.map(([first, group]) => `    2:${first}) choices=(${words(group.map(({ name }) => lastWord(name)))}) ;;`),
    ...groups.map(([first]) => `    *:${first}) command="$command \${COMP_WORDS[2]}" first=3 ;;`),
    '  esac',
    '  if ((COMP_CWORD >= first)); then',
    '    for ((at = first; at < COMP_CWORD; at++)); do',
    '      one=${COMP_WORDS[at]}',
    '      if [[ $one == = ]]; then continue; fi',
    '      if _tandem_value "$command $one"; then ((at++)); if [[ ${COMP_WORDS[at]} == = ]]; then ((at++)); fi',
    '      elif [[ $one != -* ]]; then ((place++)); fi',
    '    done',
    '    source=',
    '    if _tandem_value "$command $before"; then :',
    '    elif [[ $word == -* ]]; then',
    '      case $command in',
    ...commands.map(
      ({ name, options }) => `        ${quoted(name)}) choices=(${words(options.flatMap(one => one.flags))}) ;;`,
    ),
    '      esac',
    '    else',
    '      case "$command:$place" in',
    ...commands.flatMap(placeCases),
    '      esac',
    '    fi',
    '    case $source in',
    '      files) compopt -o default 2>/dev/null || while IFS= read -r one; do COMPREPLY+=("$one"); done < <(compgen -f -- "$word") ;;',
    '      directories) compopt -o filenames 2>/dev/null; while IFS= read -r one; do COMPREPLY+=("$one"); done < <(compgen -d -- "$word") ;;',
    '      ids:*) while IFS= read -r one; do choices+=("${one%%$\'\\t\'*}"); done < <(command tandem __complete "${source#ids:}" 2>/dev/null) ;;',
    '      words:*) while IFS= read -r one; do choices+=("$one"); done <<< "${source#words:}" ;;',
    '    esac',
    '  fi',
    '  for one in "${choices[@]}"; do if [[ $one == "$word"* ]]; then COMPREPLY+=("$one"); fi; done',
    '}',
    ...valueFunction(commands),
    'complete -F _tandem tandem',
    '',
  ].join('\n')
}

const words = (of: readonly string[]): string => of.map(quoted).join(' ')
