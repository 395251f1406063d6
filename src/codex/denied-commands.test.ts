import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findDeniedCommand } from './denied-commands.ts'
import type { DeniedCommand } from './denied-commands.ts'

const denied: readonly DeniedCommand[] = [
  ['git', 'push'],
  ['rm', '-rf'],
  ['npm', 'publish'],
]
const isDenied = (line: string): boolean => findDeniedCommand(line, denied) !== undefined

describe('a denied command', () => {
  test.each([
    'git push',
    'git push origin main --tags',
    '/usr/bin/git push',
    'git -C dir push',
    'git -c a=b --no-pager push',
    'npm --silent publish',
    'rm -rf x',
    'rm -fr x',
    'rm -r -f x',
    'rm x -rvf',
    `g\\it pu''sh`,
    `$'\\x67it' "push"`,
    'git \\\npush',
    'git 2>&1 push >f',
    'git>/dev/null push',
    '&>f git push',
    'X=1 git push',
    '! git push',
    '{ git push; }',
    'if true; then git push; fi',
    'while :; do git push; done',
    'case x in x) git push;; esac',
    'f() { git push; }; f',
    'echo "x $(git push)"',
    'echo "a \\" `git push`"',
    'echo "${x:-$(git push)}"',
    'cat <(git push)',
    'bash <<< "git push"',
    'bash <<EOF\ngit push\nEOF',
    'echo git push | sh',
    `find . -exec git push \\;`,
    'git rebase --exec "git push" main',
    `python -c "import os; os.system('git push')"`,
    `python3 -c 'subprocess.run(["git","push"])'`,
    `node -e 'require("child_process").execSync("git push")'`,
    'ssh host "git push"',
    `echo hi # don't\ngit push # isn't`,
    `bash -c "bash -c \\"git push\\""`,
    'x=push; git $x',
    'g=git; $g push',
    'git {push,}',
    'x="git push"; eval "$x"',
    'git commit -m "$(git push)"',
    "alias p='git push'; p",
    "git -c alias.x='!git push' x",
    "trap 'git push' EXIT",
    'git${IFS}push',
    'git submodule foreach git push',
    "su - bob -c 'git push'",
    'env -S "git push"',
    'nice -n 5 /usr/local/bin/git push',
    'echo "git push" > x; sh x',
    '\tgit\tpush',
  ])('is found: %s', line => {
    expect(findDeniedCommand(line, denied)).toBeDefined()
  })

  test('that is only mentioned is none', () => {
    const lines = [
      'git status',
      'git commit -m "git push later"',
      'echo git push',
      'grep -r "git push" .',
      'rg "rm -rf" | head',
      'ls # git push',
      'git pull && ls push',
      'git log origin/push',
      'git stash push',
      'git remote set-url --push origin x',
      "git commit -m \"$(cat <<'EOF'\nfix: don't\nEOF\n)\"",
      'gitk push',
      'rm -r x',
      'npm run publish-docs',
      'sed -n 1,5p git/push',
      'git add "$f" && git commit -m x',
      'for f in *.ts; do echo $f; done',
    ]
    expect(lines.filter(isDenied)).toEqual([])
  })

  test('is told from a line that only may run it', () => {
    expect(findDeniedCommand('sudo git push', denied)).toEqual({ words: ['git', 'push'], isCertain: true })
    expect(findDeniedCommand('git $(cat x) # push', denied)).toEqual({ words: ['git', 'push'], isCertain: false })
    expect(findDeniedCommand('git log "x" push "y', denied)).toMatchObject({ isCertain: false })
    expect(findDeniedCommand(`${'('.repeat(50)} $(`.repeat(20) + 'git push', denied)).toBeDefined()
  })
})

describe('whatever it is wrapped in', () => {
  const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`
  const doubly = (text: string): string => `"${text.replaceAll(/["\\$`]/g, String.raw`\$&`)}"`
  const other = fc.constantFrom('ls', 'cd a', 'echo "x y"', "test -f 'a b'", 'cat <x >y 2>&1', 'X=1 make -j4', 'true')
  const wrappers = fc.oneof(
    other.map(line => (inner: string) => `${line} && ${inner}`),
    other.map(line => (inner: string) => `${line} || ${inner} | ${line}`),
    other.map(line => (inner: string) => `${line}; ${inner}; ${line}`),
    other.map(line => (inner: string) => `${line}\n${inner}\n${line}`),
    other.map(line => (inner: string) => `${line} & ${inner} &`),
    fc.constantFrom(
      (inner: string) => `bash -lc ${quoted(inner)}`,
      (inner: string) => `/bin/sh -c ${doubly(inner)}`,
      (inner: string) => `env -i X=1 sh -c ${doubly(inner)}`,
      (inner: string) => `echo $(${inner}\n)`,
      (inner: string) => `x="$(${inner}\n)"`,
      (inner: string) => `(${inner}\n)`,
      (inner: string) => `if true; then\n${inner}\nfi`,
      (inner: string) => `eval ${quoted(inner)}`,
      (inner: string) => `echo \`${inner.replaceAll(/[\\`$]/g, String.raw`\$&`)}\``,
      (inner: string) => `sh <<'END'\n${inner}\nEND`,
    ),
  )
  const beginnings = fc.constantFrom(
    '',
    'sudo ',
    'sudo -u bob ',
    'env A=1 ',
    'X=1 Y="2 3" ',
    'exec ',
    'time ',
    'nohup ',
    '! ',
  )
  const words = fc.constantFrom('git push', '"git" \'push\'', 'g\\it push -f', 'rm -f -r /', 'npm -w a publish')

  test('it is denied', () => {
    fc.assert(
      fc.property(beginnings, words, fc.array(wrappers, { maxLength: 4 }), (beginning, line, around) => {
        const wrapped = around.reduce((inner, wrap) => wrap(inner), `${beginning}${line}`)
        expect([wrapped, isDenied(wrapped)]).toEqual([wrapped, true])
      }),
      { numRuns: 2000 },
    )
  })

  test('a line without its words is not', () => {
    const parts = fc.constantFrom(
      'ls',
      'git',
      '-C',
      'npm',
      'run',
      '-f',
      '$x',
      '"a b"',
      "'",
      '"',
      '$(',
      ')',
      '`',
      '&&',
      '|',
      ';',
      '\n',
      '\\',
      '{',
      '*',
      '#',
      '<<E',
      'bash -c',
      'eval',
    )
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 40 }), taken => {
        expect([taken.join(' '), isDenied(taken.join(' '))]).toEqual([taken.join(' '), false])
      }),
      { numRuns: 2000 },
    )
  })

  test('any text is answered, soon', () => {
    fc.assert(fc.property(fc.string({ maxLength: 400 }), text => void isDenied(text)))
    const begun = performance.now()
    for (const unit of ['$(', '"$(', '`', "'", '${', '(', '\\', 'bash -c "', 'a "b ', 'a=b=c=d=$(x) "'])
      expect(isDenied(unit.repeat(60_000 / unit.length))).toBe(false)
    expect(performance.now() - begun).toBeLessThan(5000)
  })
})
