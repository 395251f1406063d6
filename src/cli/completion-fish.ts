import { firstWords, groupsOf, lastWord } from './completion-model.ts'
import type { CompletedCommand, CompletedOption, Source } from './completion-model.ts'
import { quotedForFish } from './shell-words.ts'

export function fishScript(commands: readonly CompletedCommand[]): string {
  const groups = groupsOf(commands)
  return [
    '# tandem completion fish: `tandem completion fish > ~/.config/fish/completions/tandem.fish`',
    ...lineFunctions(
      commands,
      groups.map(([first]) => first),
    ),
    'complete -c tandem -f',
    ...firstWords(commands).map(({ word, summary }) => command(`__tandem_is ''`, word, summary)),
    ...groups.flatMap(([first, group]) =>
      group.map(({ name, summary }) => command(`__tandem_is ${quotedForFish(first)}`, lastWord(name), summary)),
    ),
    ...commands.flatMap(({ name, options }) => options.map(option => optionLine(name, option))),
    ...commands.flatMap(placeLines),
    '',
  ].join('\n')
}

/** What the words before the cursor are: the command, and in which of its places the cursor stands. */
function lineFunctions(commands: readonly CompletedCommand[], groups: readonly string[]): readonly string[] {
  const valued = commands.flatMap(({ name, options }) =>
    options.flatMap(({ flags, value }) => (value === null ? [] : flags.map(flag => quotedForFish(`${name} ${flag}`)))),
  )
  return [
    'function __tandem_words',
    '  set -l words (commandline -opc)[2..]',
    `  if contains -- "$words[1]" ${groups.length === 0 ? "''" : groups.map(quotedForFish).join(' ')}; and test (count $words) -gt 1`,
    '    set words "$words[1] $words[2]" $words[3..]',
    '  end',
    '  set -l place 0',
    '  set -l skip no',
    '  for word in $words[2..]',
    '    if test $skip = yes',
    '      set skip no',
    `    else if contains -- "$words[1] $word" ${valued.join(' ')}`,
    '      set skip yes',
    "    else if not string match -q -- '-*' $word",
    '      set place (math $place + 1)',
    '    end',
    '  end',
    '  printf "%s\\n" "$words[1]" $place',
    'end',
    'function __tandem_is',
    '  test "$argv[1]" = (__tandem_words)[1]',
    'end',
    'function __tandem_at',
    '  set -l here (__tandem_words)',
    '  test "$argv[1]" = $here[1]; or return 1',
    '  test "$argv[2]" = \'*\'; or test "$argv[2]" = $here[2]',
    'end',
  ]
}

const command = (condition: string, word: string, summary: string): string =>
  `complete -c tandem -n ${quotedForFish(condition)} -a ${listOf([word])} -d ${quotedForFish(summary)}`

function optionLine(name: string, { flags, help, value }: CompletedOption): string {
  const names = flags.map(flag => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ')
  const condition = `__tandem_is ${quotedForFish(name)}`
  const taken = value === null ? '' : ` ${argumentsFrom(value, 'option')}`
  return `complete -c tandem -n ${quotedForFish(condition)} ${names} -d ${quotedForFish(help)}${taken}`
}

function placeLines({ name, places, takesRest }: CompletedCommand): readonly string[] {
  return places.flatMap((place, at) => {
    if (place.kind === 'nothing') return []
    const where = takesRest && at === places.length - 1 ? '*' : String(at)
    const condition = `__tandem_at ${quotedForFish(name)} ${quotedForFish(where)}`
    return [`complete -c tandem -n ${quotedForFish(condition)} ${argumentsFrom(place, 'place')}`]
  })
}

/** `-x`: the option takes an argument, and it is no file. */
function argumentsFrom(source: Source, where: 'option' | 'place'): string {
  const exclusive = where === 'option' ? '-x' : '-f'
  switch (source.kind) {
    case 'words':
      return `${exclusive} -a ${listOf(source.words)}`
    case 'ids':
      return `${exclusive} -k -a ${quotedForFish(`(command tandem __complete ${source.of} 2>/dev/null)`)}`
    case 'files':
      return where === 'option' ? '-r -F' : '-F'
    case 'directories':
      return `${exclusive} -a '(__fish_complete_directories)'`
    case 'nothing':
      return exclusive
  }
}

/** Fish expands the list once more: each word is quoted for that, and the whole for the line. */
const listOf = (words: readonly string[]): string => quotedForFish(words.map(quotedForFish).join(' '))
