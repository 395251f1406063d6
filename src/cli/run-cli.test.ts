import { describe, expect, test } from 'vitest'
import { AppError } from '#kernel'
import type { ErrorKind } from '#kernel'
import { acceptedEvent, createHarness, settle, turnAnswer, turnId, wireEvent } from './test-harness.ts'

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
    for (const argv of [['turnz'], ['help', 'turnz']]) {
      const harness = createHarness()
      expect(await harness.run(...argv)).toBe(2)
      expect(harness.stdout()).toBe('')
      expect(harness.stderr()).toBe(
        'tandem: there is no command "turnz"\n  cure: did you mean `tandem turn` or `tandem turns`?\n  code: CLI_UNKNOWN_COMMAND\n',
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

describe('events', () => {
  const retry = wireEvent(8, 'retrying', { message: 'HTTP 429\x07\nslow down' })

  test('piped: a line each, tab-separated; a last word when there are more', async () => {
    const harness = createHarness({ answer: () => ({ events: [acceptedEvent, retry], cursor: 8, has_more: true }) })
    expect(await harness.run('events')).toBe(0)
    expect(harness.stdout()).toBe(
      [
        `1\t2026-11-21T12:00:00Z\tturn.accepted\t${turnId}\taccepted: where is the login?\n`,
        `8\t2026-11-21T12:00:00Z\tretrying\t${turnId}\tretrying: HTTP 429 slow down\n`,
      ].join(''),
    )
    expect(harness.stderr()).toBe('tandem: there are more; read on with `tandem events --cursor 8`\n')
  })

  const pieces = [
    wireEvent(1, 'text', { item_id: 'm1', text: 'all ' }),
    wireEvent(2, 'text', { item_id: 'm1', text: 'good' }),
    wireEvent(3, 'message', { item_id: 'm1', text: 'all good' }),
    wireEvent(4, 'text', { item_id: 'm2', text: 'and n' }),
  ]

  test.each([
    [[], [3, 4]],
    [['--json'], [1, 2, 3, 4]],
    [
      ['--follow', '--wait-ms', '1'],
      [1, 2, 3, 4],
    ],
  ])('a message that is whole is not listed in pieces, too, except for programs and live: %j', async (flags, seqs) => {
    const harness = createHarness({ answer: () => ({ events: pieces, cursor: 4, has_more: false }) })
    expect(await harness.run('events', ...flags)).toBe(0)
    expect(
      [...harness.stdout().matchAll(/^(?:\{"type":"event","seq":)?(\d+)/gm)].map(([, seq]) => Number(seq)),
    ).toEqual(seqs)
  })

  test('as many are shown as were asked for, whatever is not shown', async () => {
    // Three messages, each after three pieces, then five events of another kind.
    const messages = [1, 5, 9].flatMap(first => [
      ...[0, 1, 2].map(more => wireEvent(first + more, 'text', { item_id: `i${first}`, text: '.' })),
      wireEvent(first + 3, 'message', { item_id: `i${first}`, text: '...' }),
    ])
    const all = [...messages, ...[13, 14, 15, 16, 17].map(seq => wireEvent(seq, 'warning', { message: 'slow' }))]
    const answer = ({ input }: { readonly input: unknown }) => {
      const { tail, limit, cursor } = input as {
        readonly tail?: number
        readonly limit: number
        readonly cursor: number
      }
      const after = tail === undefined ? all.filter(({ seq }) => seq > cursor) : all.slice(-tail)
      const events = after.slice(0, limit)
      return { events, cursor: events.at(-1)?.seq ?? cursor, has_more: events.length < after.length }
    }
    const seqsOf = async (...flags: readonly string[]) => {
      const harness = createHarness({ answer })
      expect(await harness.run('events', ...flags)).toBe(0)
      return [[...harness.stdout().matchAll(/^\d+/gm)].map(Number), harness.stderr(), harness.calls.length]
    }
    expect(await seqsOf('-n', '7')).toEqual([[8, 12, 13, 14, 15, 16, 17], '', 2])
    expect(await seqsOf('-n', '50')).toEqual([[4, 8, 12, 13, 14, 15, 16, 17], '', 1])
    const more = 'tandem: there are more; read on with `tandem events --cursor 13`\n'
    expect(await seqsOf('-n', '4', '--cursor', '0')).toEqual([[4, 8, 12, 13], more, 3])
    expect(await seqsOf('-n', '9', '--cursor', '4')).toEqual([[8, 12, 13, 14, 15, 16, 17], '', 2])
  })

  test.each([
    [{ primary: null, secondary: null, credits: null }, 'not known'],
    [
      {
        primary: { usedPercent: 12.4, windowDurationMins: 300, resetsAt: 1_795_269_600 },
        secondary: { usedPercent: 3 },
      },
      '12% of 5h 00m used, until 2026-11-21T14:00:00Z; 3% used',
    ],
    [{ limitId: 'codex', planType: null }, 'not known'],
    [{ tokens: { left: 7, of: null }, plan: 'pro', left: [1] }, 'tokens.left 7, plan pro, left [1]'],
  ])('rate limits are told in short: %j', async (limits, text) => {
    const event = wireEvent(1, 'rate.limits', limits)
    const harness = createHarness({ answer: () => ({ events: [event], cursor: 1, has_more: false }) })
    await harness.run('events')
    expect(harness.stdout().trimEnd().split('\t').at(-1)).toBe(`rate limits: ${text}`)
  })

  test('--json ends with the cursor', async () => {
    const harness = createHarness({ answer: () => ({ events: [retry], cursor: 8, has_more: false }) })
    await harness.run('events', '--json')
    expect(
      harness
        .stdout()
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as unknown),
    ).toEqual([
      { type: 'event', ...retry },
      { type: 'cursor', cursor: 8, has_more: false },
    ])
  })

  test('--follow prints each event once, goes on after a long call has ended, and leaves at Ctrl-C', async () => {
    let round = 0
    const harness = createHarness({
      answer: ({ options }) => {
        round += 1
        if (round === 3) return new Promise(() => undefined)
        options.onEvent?.(wireEvent(round, 'warning', { message: `w${round}` }))
        return { events: [wireEvent(round, 'warning', { message: `w${round}` })], cursor: round, has_more: false }
      },
    })
    const run = harness.run('events', '--follow')
    await settle()
    harness.clock.advance(1000)
    await settle()
    harness.clock.advance(1000)
    await settle()
    harness.interrupt()
    expect(await run).toBe(130)
    expect(harness.stdout().match(/w\d/g)).toEqual(['w1', 'w2'])
    expect(harness.calls.map(({ input }) => (input as { cursor: number }).cursor)).toEqual([0, 1, 2])
    expect(harness.calls[2]?.options.signal?.aborted).toBe(true)
  })

  test('an event of another version is shown as it came', async () => {
    const harness = createHarness({
      answer: () => ({
        events: [wireEvent(1, 'later.kind', { x: 1 }), wireEvent(2, 'usage', {})],
        cursor: 2,
        has_more: false,
      }),
    })
    await harness.run('events')
    expect(harness.stdout()).toContain('later.kind {"x":1}')
    expect(harness.stdout()).toContain('usage {}')
  })
})
