import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { completionScript } from './completion.ts'
import type { CommandEntry } from './command-entry.ts'
import { reporting } from './report-command.ts'
import { createHarness } from './test-harness.ts'

const entries: readonly CommandEntry[] = [
  {
    name: 'policy show',
    heading: 'Setting up',
    summary: 'show what may be asked for',
    options: [{ flags: '-C, --cd <dir>', help: 'seen from there' }],
    examples: ['tandem policy show -C .'],
    run: reporting({
      ask: async (_, line) => ({ cd: line.text('cd') ?? 'here' }),
      show: ({ cd }, { out }) => out.line(`policy of ${cd}`),
      exitCodeOf: () => 3,
    }),
  },
  {
    name: 'policy test',
    heading: 'Setting up',
    summary: 'say what would become of a request',
    arguments: [{ name: 'sandbox', help: 'which', choices: ['read-only', 'workspace-write'] }],
    run: (session, line) => {
      session.out.line(`would ${line.argument('sandbox') ?? ''}`)
      return 0
    },
  },
  { name: 'version', heading: 'More', summary: 'print the version', run: () => 0 },
]
const run = async (...argv: readonly string[]) => {
  const harness = createHarness({ entries, columns: 100 })
  const code = await harness.run(...argv)
  return { code, stdout: harness.stdout(), stderr: harness.stderr() }
}

describe('a command of two words', () => {
  test('runs with its own options and arguments', async () => {
    expect(await run('policy', 'show', '-C', 'x')).toEqual({ code: 3, stdout: 'policy of x\n', stderr: '' })
    expect(await run('policy', 'show', '--json')).toEqual({ code: 3, stdout: '{"cd":"here"}\n', stderr: '' })
    expect(await run('--json', 'policy', 'show')).toEqual({ code: 3, stdout: '{"cd":"here"}\n', stderr: '' })
    expect(await run('policy', 'test', 'read-only')).toEqual({ code: 0, stdout: 'would read-only\n', stderr: '' })
  })

  test.each([[['help', 'policy', 'show']], [['policy', 'show', '--help']], [['policy', 'show', '-h']]])(
    '%j is its help',
    async argv => {
      const { code, stdout, stderr } = await run(...argv)
      expect([code, stderr]).toEqual([0, ''])
      for (const part of ['tandem policy show', 'show what may be asked for', '--cd <dir>', 'tandem policy show -C .'])
        expect(stdout).toContain(part)
    },
  )

  test.each([[['policy']], [['help', 'policy']], [['policy', '--help']]])(
    '%j shows what begins with that word',
    async argv => {
      const { code, stdout, stderr } = await run(...argv)
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toMatch(/what may be asked of Codex at most[^]* show [^]* test .*say what would become/)
    },
  )

  test('the program lists the first word once', async () => {
    const { stdout } = await run('help')
    expect(stdout.match(/^ {2}policy .*/gm)).toEqual([expect.stringContaining('what may be asked of Codex at most')])
  })

  test.each([
    [['policy', 'shwo'], 'there is no command "policy shwo"', 'did you mean `tandem policy show`?'],
    [['help', 'policy', 'tst'], 'there is no command "policy tst"', 'did you mean `tandem help policy test`?'],
    [['help', 'polic'], 'there is no command "polic"', 'did you mean `tandem help policy`?'],
    [['policy', 'xyzzy'], 'there is no command "policy xyzzy"', 'see `tandem help policy` for what there is'],
    [['polcy', 'show'], 'there is no command "polcy"', 'did you mean `tandem policy`?'],
  ])('%j is unknown', async (argv, problem, hint) => {
    const { code, stdout, stderr } = await run(...argv)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toBe(`tandem: ${problem}\n  cure: ${hint}\n  code: CLI_UNKNOWN_COMMAND\n`)
  })

  test.each([
    [['policy', 'show', '--dc', 'x'], "unknown option '--dc'", 'did you mean --cd? see `tandem help policy show`'],
    [
      ['policy', 'test'],
      "missing required argument 'sandbox': it is one of read-only, workspace-write",
      'see `tandem help policy test`',
    ],
    [
      ['policy', 'test', 'all'],
      "'all' is no sandbox: it is one of read-only, workspace-write",
      'see `tandem help policy test`',
    ],
    [['policy', '--jsn', 'show'], "unknown option '--jsn'", 'see `tandem help policy show`'],
  ])('%j is wrong usage', async (argv, problem, hint) => {
    const { code, stderr } = await run(...argv)
    expect([code, stderr]).toEqual([2, `tandem: ${problem}\n  cure: ${hint} for what it takes\n  code: CLI_USAGE\n`])
  })

  test.each([
    [['pol'], 'policy'],
    [['policy', ''], 'show test'],
    [['policy', 't'], 'test'],
    [['policy', 'show', '--c'], '--cd'],
    [['policy', 'test', '--'], '--json --help'],
  ])('bash completes %j to %s', (words, expected) => {
    const script = `${completionScript('bash', entries)}
      COMP_WORDS=(tandem "$@"); COMP_CWORD=$#; _tandem; echo "\${COMPREPLY[*]}"`
    expect(execFileSync('bash', ['-c', script, 'bash', ...words], { encoding: 'utf8' }).trim()).toBe(expected)
  })
})
