import { placeCases, valueFunction } from './completion-cases.ts'
import { firstWords, groupsOf, lastWord } from './completion-model.ts'
import type { CompletedCommand } from './completion-model.ts'
import { quoted } from './shell-words.ts'

/** Works from `eval` and as a file `_tandem` on the fpath. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  const groups = groupsOf(commands)
  return [
    '#compdef tandem',
    '# tandem completion zsh: put `eval "$(tandem completion zsh)"` into ~/.zshrc, after compinit',
    '_tandem() {',
    '  local word=$words[CURRENT] before=$words[CURRENT-1] command=$words[2] one source',
    '  local -a choices',
    '  integer first=3 at place=0',
    '  case $CURRENT:$command in',
    `    2:*) choices=(${described(firstWords(commands).map(({ word, summary }) => [word, summary]))}) ;;`,
    ...groups.map(
      ([first, group]) =>
        `    3:${first}) choices=(${described(group.map(({ name, summary }) => [lastWord(name), summary]))}) ;;`,
    ),
    ...groups.map(([first]) => `    *:${first}) command="$command $words[3]" first=4 ;;`),
    '  esac',
    '  if (($#choices)); then _describe command choices; return; fi',
    '  if [[ $word == --*=* ]]; then before=${word%%=*}; compset -P "*="; word=; fi',
    '  for ((at = first; at < CURRENT; at++)); do',
    '    one=$words[at]',
    '    if _tandem_value "$command $one"; then ((at++)); elif [[ $one != -* ]]; then ((place++)); fi',
    '  done',
    '  source=',
    '  if _tandem_value "$command $before"; then :',
    '  elif [[ $word == -* ]]; then',
    '    case $command in',
    ...commands.map(
      ({ name, options }) =>
        `      ${quoted(name)}) choices=(${described(options.flatMap(({ flags, help }) => flags.map(flag => [flag, help] as const)))}) ;;`,
    ),
    '    esac',
    '    _describe -o option choices; return',
    '  else',
    '    case $command:$place in',
    ...commands.flatMap(placeCases),
    '    esac',
    '  fi',
    '  case $source in',
    '    files) _files ;;',
    '    directories) _files -/ ;;',
    '    ids:*) for one in ${(f)"$(command tandem __complete ${source#ids:} 2>/dev/null)"}; do choices+=("${${one%%$\'\\t\'*}//:/\\\\:}:${one#*$\'\\t\'}"); done',
    '      _describe -V id choices ;;',
    '    words:*) compadd -- ${(f)source#words:} ;;',
    '  esac',
    '}',
    ...valueFunction(commands),
    'if [[ $funcstack[1] == _tandem ]]; then _tandem "$@"; else compdef _tandem tandem; fi',
    '',
  ].join('\n')
}

/** As `_describe` wants them: a colon parts a word from what it means. */
const described = (pairs: readonly (readonly [string, string])[]): string =>
  pairs.map(([word, meaning]) => quoted(`${word.replaceAll(':', '\\:')}:${meaning}`)).join(' ')
