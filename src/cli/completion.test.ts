import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { array, assert, constantFrom, property, string } from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CommandEntry } from './command-entry.ts'
import { completionScript, shells } from './completion.ts'
import type { Shell } from './completion.ts'
import { quoted, quotedForFish } from './shell-words.ts'
import { commandEntries } from './commands.ts'

/* What the real shells make of a line. One that is not installed is named as not run. */

const isThere = (shell: Shell): boolean => spawnSync(shell, ['-c', 'exit 0']).status === 0
const installed = new Map(shells.map(shell => [shell, isThere(shell)]))
const noteOf = (shell: Shell): string => (installed.get(shell) === true ? '' : ' NOT RUN: it is not installed')

const hostile = ['a b', "it's", '$(touch hit)', '`touch hit`', 'x;y', 'back\\slash', '"q"', '*', '~', '$HOME', '-n']
const entries: readonly CommandEntry[] = [
  ...commandEntries(),
  {
    name: 'hostile',
    heading: 'More',
    summary: `it's "$(touch hit)" \\ \`touch hit\`: 100%`,
    options: [{ flags: '--of <word>', help: "don't: $(touch hit)", choices: hostile }],
    run: () => 0,
  },
]

let place = ''
beforeAll(() => {
  place = mkdtempSync(join(tmpdir(), 'tandem-completion-'))
  for (const shell of shells) writeFileSync(join(place, `script.${shell}`), completionScript(shell, entries))
  mkdirSync(join(place, 'bin'))
  mkdirSync(join(place, 'work/some dir'), { recursive: true })
  writeFileSync(join(place, 'work/some-file'), '')
  const answers = `case "$*" in
    '__complete open-turns') printf 'turn_run\\trunning: it'"'"'s $(touch hit) a:b\\n' ;;
    '__complete turns') printf 'turn_one\\tcompleted: x\\nturn_two$(touch hit)\\tfailed: y\\n' ;;
    '__complete sessions') printf 'last\\tthe latest\\n019a\\ttitle\\n' ;;
    *) echo "asked $*" >> "${place}/asked" ;;
  esac\n`
  writeFileSync(join(place, 'bin/tandem'), `#!/bin/sh\n${answers}`)
  chmodSync(join(place, 'bin/tandem'), 0o755)
  writeFileSync(
    join(place, '.zshrc'),
    `autoload -Uz compinit; compinit -u -D; source ${place}/script.zsh
     show() { print -r -- "$BUFFER" > $OUT }; zle -N show; bindkey '^X' show\n`,
  )
})
afterAll(() => rmSync(place, { recursive: true, force: true }))

const environment = (): NodeJS.ProcessEnv => ({
  PATH: `${place}/bin:/usr/local/bin:/usr/bin:/bin`,
  HOME: place,
  ZDOTDIR: place,
  TERM: 'xterm',
  LC_ALL: 'C.UTF-8',
})

function run(shell: Shell, args: readonly string[], more: NodeJS.ProcessEnv = {}): readonly string[] {
  const said = execFileSync(shell, [...args], {
    cwd: join(place, 'work'),
    env: { ...environment(), ...more },
    encoding: 'utf8',
    timeout: 20_000,
  })
  expect(existsSync(join(place, 'work/hit'))).toBe(false)
  return said.split('\n').filter(line => line !== '')
}

/** As readline parts the words: at `=`, too. */
function inBash(words: readonly string[]): readonly string[] {
  const script = `. ${place}/script.bash; COMP_WORDS=(tandem "$@"); COMP_CWORD=$#; _tandem; printf '%s\\n' "\${COMPREPLY[@]}"`
  return run('bash', ['--norc', '-c', script, 'bash', ...words])
}

/** One shell for all lines: fish takes its time to start. */
function inFish(lines: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const script = `source ${place}/script.fish; for line in $argv; echo "=="; complete -C "tandem $line"; end`
  const said = run('fish', ['--no-config', '-c', script, ...lines.map(words => words.join(' '))])
  const answers: string[][] = []
  for (const line of said) {
    if (line === '==') answers.push([])
    else answers.at(-1)?.push(line.split('\t')[0] ?? '')
  }
  return answers
}

/** Presses Tab at the end of a line in an interactive zsh; the line after that. */
function inZsh(words: readonly string[]): string {
  const out = join(place, 'line')
  rmSync(out, { force: true })
  const press = `zmodload zsh/zpty; zpty -b t zsh -i; zpty -w -n t "$1"$'\\t\\C-x'
    integer left=900; while [[ ! -s $OUT ]] && ((left-- > 0)); do zpty -r -t t screen; sleep 0.02; done; zpty -d t`
  run('zsh', ['-f', '-c', press, 'zsh', ['tandem', ...words].join(' ')], { OUT: out })
  return readFileSync(out, 'utf8').replace(/\n$/, '')
}

const cases: readonly (readonly [readonly string[], readonly string[]])[] = [
  [['thr'], ['threads', 'thread']],
  [['ask', '--sand'], ['--sandbox']],
  [['ask', '--sandbox', 'w'], ['workspace-write']],
  [
    ['ask', '-e', 'm'],
    ['minimal', 'medium', 'max'],
  ],
  [['settings', '--effort', 'd'], ['default']],
  [['turns', '-n', '5', '--status', 'r'], ['running']],
  [['demo', '--k'], ['--keep']],
  [['completion', 'z'], ['zsh']],
  [
    ['help', 'thr'],
    ['threads', 'thread'],
  ],
  [
    ['turn', ''],
    ['turn_one', 'turn_two$(touch hit)'],
  ],
  [['wait', ''], ['turn_run']],
  [['wait', '--wait-ms', '5', 'turn'], ['turn_run']],
  [['wait', 'turn_run', 'turn'], []],
  [['ask', '-s', 'l'], ['last']],
  [['events', '--turn', 'turn_o'], ['turn_one']],
  [['ask', '--model', 'x'], []],
  [['ask', 'look', 'some-'], ['some-file']],
  [['status', 'some'], []],
]

describe.runIf(installed.get('bash'))(`bash${noteOf('bash')}`, () => {
  test.each(cases)('%j becomes %j', (words, expected) => {
    expect(inBash(words)).toEqual(expected)
  })

  test('a value after `=`, as readline parts it', () => {
    expect(inBash(['ask', '--sandbox', '=', 'd'])).toEqual(['danger-full-access'])
    expect(inBash(['turns', '--status', '='])).toHaveLength(5)
    expect(inBash(['wait', '--wait-ms', '=', '5', 'turn'])).toEqual(['turn_run'])
  })

  test('directories, whole, also with a blank', () => {
    expect(inBash(['ask', '-C', 'so'])).toEqual(['some dir'])
  })

  test('choices of any text stay as they are, and none is run', () => {
    expect(inBash(['hostile', '--of', ''])).toEqual(hostile)
  })

  test('any text is one word', () => expect(oddWords('bash', quoted)).toBe('unchanged'))
})

describe.runIf(installed.get('fish'))(`fish${noteOf('fish')}`, () => {
  const sorted = (words: readonly string[]): readonly string[] => [...words].sort()

  test('every line becomes what it may', () => {
    const more: typeof cases = [
      [['ask', '--sandbox=d'], ['--sandbox=danger-full-access']],
      [['ask', '-C', 'so'], ['some dir/']],
      [['hostile', '--of', ''], hostile],
      [['hosti'], ['hostile']],
    ]
    const all = [...cases, ...more]
    const answers = inFish(all.map(([words]) => words))
    expect(all.map(([words], at) => [words, sorted(answers[at] ?? [])])).toEqual(
      all.map(([words, expected]) => [words, sorted(expected)]),
    )
  })

  test('any text is one word', () => expect(oddWords('fish', quotedForFish)).toBe('unchanged'))
})

describe.runIf(installed.get('zsh'))(`zsh${noteOf('zsh')}`, () => {
  test.each([
    ['threa', 'thread'],
    ['ask --sand', 'ask --sandbox '],
    ['ask --sandbox w', 'ask --sandbox workspace-write '],
    ['ask --sandbox=d', 'ask --sandbox=danger-full-access '],
    ['help comp', 'help completion '],
    ['turns -n 5 --status r', 'turns -n 5 --status running '],
    ['wait --wait-ms 5 ', 'wait --wait-ms 5 turn_run '],
    ['ask -s l', 'ask -s last '],
    ['ask -C so', 'ask -C some\\ dir/'],
    ['ask look some-', 'ask look some-file '],
    ['status some', 'status some'],
    ['hosti', 'hostile '],
    ['hostile --of x', 'hostile --of x\\;y '],
  ])('Tab after "%s"', (line, expected) => {
    expect(inZsh([line])).toBe(`tandem ${expected}`)
  })

  test('any text is one word', () => expect(oddWords('zsh', quoted)).toBe('unchanged'))
})

describe('completion', () => {
  test('asks for nothing but ids', () => {
    expect(existsSync(join(place, 'asked'))).toBe(false)
  })

  test.each(shells)('%s: a script without commands of two words is one, too', shell => {
    const file = join(place, `plain.${shell}`)
    const ofOne = entries.filter(({ name }) => !name.includes(' '))
    writeFileSync(file, completionScript(shell, ofOne))
    const checked = installed.get(shell) === true ? spawnSync(shell, ['-n', file], { encoding: 'utf8' }).stderr : ''
    expect(checked).toBe('')
  })
})

/** What a shell makes of words that were quoted for it. */
function oddWords(shell: Shell, quote: (text: string) => string): 'unchanged' {
  const odd = constantFrom("'", '\\', '"', '$', '`', '(', ')', '!', '*', '?', '~', '{', '}', ';', ' ', '\n', 'é', 'n')
  assert(
    property(array(string({ unit: odd, minLength: 1 }), { minLength: 20, maxLength: 100 }), texts => {
      const said = execFileSync(shell, ['-c', `printf '%s|' ${texts.map(quote).join(' ')}`], { encoding: 'utf8' })
      expect(said).toBe(texts.map(text => `${text}|`).join(''))
    }),
    { numRuns: 5 },
  )
  return 'unchanged'
}
