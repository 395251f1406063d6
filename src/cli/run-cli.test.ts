import { describe, expect, test } from 'vitest'
import { AppError } from '#kernel'
import type { ErrorKind } from '#kernel'
import { acceptedEvent, createHarness, settle, turnAnswer, turnId } from './test-harness.ts'

describe('the program', () => {
  test('alone and with help prints every command and the exit codes', async () => {
    for (const argv of [[], ['help'], ['--help'], ['help', 'help']]) {
      const harness = createHarness({ columns: 120 })
      expect(await harness.run(...argv)).toBe(0)
      for (const part of ['Usage: tandem', '  ask ', '  up ', '  demo ', 'Exit codes', ' 141  ']) {
        expect(harness.stdout()).toContain(part)
      }
      expect(harness.stderr()).toBe('')
    }
  })

  test('an unknown command is refused with a suggestion, also after help', async () => {
    for (const [before, argv] of [
      ['tandem', ['turnz']],
      ['tandem help', ['help', 'turnz']],
    ] as const) {
      const harness = createHarness()
      expect(await harness.run(...argv)).toBe(2)
      expect(harness.stdout()).toBe('')
      expect(harness.stderr()).toBe(
        `tandem: there is no command "turnz"\n  cure: did you mean \`${before} turn\` or \`${before} turns\`?\n  code: CLI_UNKNOWN_COMMAND\n`,
      )
    }
  })

  test.each([
    [
      ['turns', '--stat', 'x'],
      "unknown option '--stat'",
      'did you mean --status? see `tandem help turns` for what it takes',
    ],
    [['wait'], "missing required argument 'turn-id'", 'see `tandem help wait` for what it takes'],
    [
      ['cancel', 'a', 'b'],
      "too many arguments for 'cancel'. Expected 1 argument but got 2: a, b.",
      'see `tandem help cancel` for what it takes',
    ],
    [['--bogus'], "unknown option '--bogus'", 'see `tandem help` for what it takes'],
    [['mcp', '--typo', 'anything'], "unknown option '--typo'", 'see `tandem help mcp` for what it takes'],
    [
      ['mcp', 'anything'],
      "too many arguments for 'mcp'. Expected 0 arguments but got 1: anything.",
      'see `tandem help mcp` for what it takes',
    ],
  ])('%j is wrong usage', async (argv, message, hint) => {
    const harness = createHarness()
    expect(await harness.run(...argv)).toBe(2)
    expect(harness.log).toEqual([])
    expect(harness.stderr()).toBe(`tandem: ${message}\n  cure: ${hint}\n  code: CLI_USAGE\n`)
  })

  test('--json before the command is the same as after it', async () => {
    const harness = createHarness({ answer: () => ({ turns: [] }) })
    expect(await harness.run('--json', 'turns', '--', '-n')).toBe(2)
    expect(JSON.parse(harness.stdout())).toMatchObject({ error: { code: 'CLI_USAGE' } })
    const listed = createHarness({ answer: () => ({ turns: [] }) })
    expect([await listed.run('--json', 'turns', '-n', '3'), listed.stdout()]).toEqual([0, '{"turns":[]}\n'])
    const unknown = createHarness()
    expect(await unknown.run('--json', 'turnz')).toBe(2)
    expect(JSON.parse(unknown.stdout())).toMatchObject({ error: { code: 'CLI_UNKNOWN_COMMAND' } })
    const alone = createHarness()
    expect(await alone.run('--json')).toBe(2)
  })

  test('with --json wrong usage is one JSON line on stdout', async () => {
    const harness = createHarness()
    expect(await harness.run('wait', '--json')).toBe(2)
    expect(JSON.parse(harness.stdout())).toMatchObject({ error: { code: 'CLI_USAGE', kind: 'invalid' } })
    expect(harness.stderr()).toBe('')
  })

  test.each<[ErrorKind, number]>([
    ['invalid', 2],
    ['missing', 66],
    ['unavailable', 69],
    ['bug', 70],
    ['conflict', 73],
    ['busy', 75],
    ['denied', 77],
    ['timeout', 124],
  ])('a failure of kind %s exits with %i', async (kind, code) => {
    const failing = (): never => {
      throw new AppError('SOME_CODE', kind, 'it failed \x1b[31mbadly', { hint: 'do better', data: { n: 1 } })
    }
    const plain = createHarness({ answer: failing })
    expect(await plain.run('status')).toBe(code)
    expect(plain.stderr()).toBe('tandem: it failed badly\n  cure: do better\n  code: SOME_CODE\n')
    const json = createHarness({ answer: failing })
    expect(await json.run('status', '--json')).toBe(code)
    expect(JSON.parse(json.stdout())).toEqual({
      error: { code: 'SOME_CODE', kind, message: 'it failed \x1b[31mbadly', hint: 'do better', data: { n: 1 } },
    })
    expect([plain.log.at(-1), json.stderr()]).toEqual(['closed', ''])
  })

  test.each<[string, ErrorKind]>([
    ['CONFIG_INVALID', 'invalid'],
    ['CODEX_NOT_FOUND', 'missing'],
    ['DIRECTORY_UNSAFE', 'denied'],
    ['DAEMON_UNSAFE_SOCKET', 'denied'],
    ['DIRECTORY_UNWRITABLE', 'unavailable'],
  ])('%s is of the configuration for every command, as for check', async (code, kind) => {
    const harness = createHarness({
      answer: () => {
        throw new AppError(code, kind, 'it is wrong')
      },
    })
    expect([await harness.run('ask', 'x'), await harness.run('turns', '--json')]).toEqual([78, 78])
  })

  test('anything else that is thrown is a bug without a stack', async () => {
    const harness = createHarness({
      answer: () => {
        throw new TypeError('x is not a function')
      },
    })
    expect(await harness.run('status')).toBe(70)
    expect(harness.stderr()).toMatch(/^tandem: x is not a function\n {2}cure: .*\n {2}code: BUG\n$/)
  })

  test('demo gets its arguments as they are; mcp has none', async () => {
    const harness = createHarness()
    expect(await harness.run('demo', '--json', '--x', 'y')).toBe(3)
    expect(await harness.run('mcp')).toBe(4)
    expect(harness.log).toEqual(['demo ["--json","--x","y"]', 'mcp'])
    await harness.run('demo', '--help')
    await harness.run('help', 'demo')
    expect(harness.log.slice(2)).toEqual(['demo ["--help"]', 'demo ["--help"]'])
  })

  test('version in words and in JSON', async () => {
    const harness = createHarness()
    await harness.run('version')
    await harness.run('-V')
    await harness.run('version', '--json')
    expect(harness.stdout()).toBe('tandem 0.1.0\ntandem 0.1.0\n{"version":"0.1.0"}\n')
  })

  test('a reader that leaves ends a following command quietly', async () => {
    const harness = createHarness({ answer: () => new Promise(() => undefined) })
    const run = harness.run('events', '--follow')
    await settle()
    harness.breakStdout('EPIPE')
    expect([await run, harness.stderr(), harness.log.at(-1), harness.listeners()]).toEqual([141, '', 'closed', 0])
  })

  test('a reader that left before the answer came is no failure to talk about', async () => {
    const harness = createHarness({
      answer: ({ options }) => {
        options.onEvent?.(acceptedEvent)
        harness.breakStdout('EPIPE')
        return turnAnswer()
      },
    })
    expect([await harness.run('ask', 'x'), harness.stderr()]).toEqual([141, ''])
  })

  test('an output that fails otherwise is said', async () => {
    const harness = createHarness({
      answer: () => {
        harness.breakStdout('ENOSPC')
        return turnAnswer({ status: 'interrupted' })
      },
    })
    expect(await harness.run('cancel', turnId)).toBe(69)
    expect(harness.stderr()).toMatch(/^tandem: cannot write the output: write ENOSPC\n/)
  })
})

describe('completion', () => {
  test('prints the script of a shell, or has it in JSON', async () => {
    const harness = createHarness()
    expect(await harness.run('completion', 'bash')).toBe(0)
    const script = harness.stdout()
    expect(script).toContain('complete -F _tandem tandem\n')
    await harness.run('completion', 'bash', '--json')
    expect(JSON.parse(harness.stdout().slice(script.length))).toEqual({ script })
  })

  test('an unknown shell is refused with the choices', async () => {
    const harness = createHarness()
    expect(await harness.run('completion', 'tcsh')).toBe(2)
    expect(await harness.run('completion')).toBe(2)
    expect(harness.stderr().match(/bash, zsh, fish/g)).toHaveLength(2)
    expect(harness.stderr()).toContain('bash, zsh, fish')
  })
})
