import { describe, expect, test } from 'vitest'
import { AppError } from '#kernel'
import { maxPromptBytes } from '#contracts'
import type { TurnAnswer, WireEvent } from '#contracts'
import { acceptedEvent, createHarness, sessionId, settle, turnAnswer, turnId, wireEvent } from './test-harness.ts'
import type { FakeCall, Harness, HarnessOptions } from './test-harness.ts'

/** Plays events one by one, then the answer. */
const playing =
  (events: readonly WireEvent[], answer: TurnAnswer = turnAnswer()) =>
  ({ options }: FakeCall): TurnAnswer => {
    for (const event of events) options.onEvent?.(event)
    return answer
  }

/** A daemon whose turn does not end; `cancel` ends it. */
function hanging(
  options: HarnessOptions = {},
  cancelled: () => unknown = () => turnAnswer({ success: false, status: 'interrupted' }),
): Harness {
  return createHarness({
    ...options,
    answer: call => {
      if (call.verb === 'cancel') return cancelled()
      call.options.onEvent?.(acceptedEvent)
      return new Promise(() => undefined)
    },
  })
}

const usage = {
  input_tokens: 12_000,
  cached_input_tokens: 0,
  output_tokens: 345,
  reasoning_output_tokens: 0,
  total_tokens: 12_345,
  model_context_window: null,
}

const story: readonly WireEvent[] = [
  acceptedEvent,
  wireEvent(2, 'session.created', { session_id: sessionId }),
  wireEvent(3, 'turn.started', { attempt: 1, why: 'start', codex_turn_id: 'c1' }),
  wireEvent(4, 'reasoning', { item_id: 'r1', text: 'Look for login first' }),
  wireEvent(5, 'command.started', { item_id: 'c1', command: 'rg login' }),
  wireEvent(6, 'command.ended', {
    item_id: 'c1',
    command: 'rg login',
    exit_code: 0,
    duration_ms: 300,
    output: 'auth.ts',
  }),
  wireEvent(7, 'retrying', { message: 'HTTP 429' }),
  wireEvent(8, 'turn.reconciled', { decision: 'continued', reason: 'the app-server ended' }),
  wireEvent(9, 'turn.started', { attempt: 2, why: 'continue', codex_turn_id: 'c2' }),
  wireEvent(10, 'command.ended', {
    item_id: 'c2',
    command: 'npm test',
    exit_code: 1,
    duration_ms: 2300,
    output: 'a\nb\n',
  }),
  wireEvent(11, 'files.changed', { item_id: 'f1', files: [{ path: 'auth.ts', change: 'update' }] }),
  wireEvent(12, 'usage', usage),
  wireEvent(13, 'text', { item_id: 'm1', text: 'The login is\nchec' }),
  wireEvent(14, 'text', { item_id: 'm1', text: 'ked in ' }),
  wireEvent(15, 'message', { item_id: 'm1', text: 'The login is\nchecked in auth.ts.' }),
  wireEvent(16, 'turn.ended', { status: 'completed', error: null }),
]

const answer = turnAnswer({
  agent_messages: 'The login is\nchecked in auth.ts.',
  usage,
  diff: 'diff --git a/auth.ts b/auth.ts\n--- a/auth.ts\n+++ b/auth.ts\n',
  proposed_diff: { patch: '', applies: false, files: [{ path: 'x.ts', applies: false, reason: 'line 3' }] },
})

describe('ask, piped', () => {
  test('the answer alone on stdout and nothing on stderr', async () => {
    const harness = createHarness({ answer: playing(story, answer) })
    expect(await harness.run('ask', 'where?')).toBe(0)
    expect([harness.stdout(), harness.stderr()]).toEqual(['The login is\nchecked in auth.ts.\n', ''])
  })

  test('all messages when the answer has them, those of other kinds labelled', async () => {
    const all = [
      { kind: 'reasoning' as const, text: 'hm' },
      { kind: 'message' as const, text: 'first\n' },
      { kind: 'message' as const, text: 'last' },
    ]
    const harness = createHarness({ answer: playing([], turnAnswer({ all_messages: all })) })
    await harness.run('ask', '--all', 'x')
    expect(harness.stdout()).toBe('[reasoning] hm\n\nfirst\n\nlast\n')
  })

  test.each<[string, Partial<TurnAnswer>, number, string]>([
    [
      'a failed turn',
      {
        status: 'failed',
        error: { code: 'TURN_SILENT', kind: 'timeout', message: 'nothing for 300 s', hint: 'ask again' },
      },
      1,
      `tandem: nothing for 300 s\n  cure: ask again\n  code: TURN_SILENT\n  turn: ${turnId} (\`tandem result ${turnId}\` shows what there is of it)\n`,
    ],
    [
      'an interrupted one',
      { status: 'interrupted' },
      130,
      `tandem: the turn was interrupted; \`tandem result ${turnId}\` shows what there is of it\n`,
    ],
    [
      'one that still runs',
      { status: 'running', elapsed_ms: 600_000 },
      75,
      `tandem: the turn is still running after 10m 00s, and goes on\n  cure: come back to it with \`tandem wait ${turnId}\`\n`,
    ],
  ])('%s puts nothing on stdout and says on stderr what is the matter', async (_name, change, code, stderr) => {
    const harness = createHarness({
      answer: playing([], turnAnswer({ success: false, agent_messages: 'half', ...change })),
    })
    expect(await harness.run('ask', 'x')).toBe(code)
    expect([harness.stdout(), harness.stderr()]).toEqual(['', stderr])
  })

  test('a completed turn whose result is an error: the answer, the error, exit 1', async () => {
    const error = { code: 'READ_ONLY_CHANGED', kind: 'conflict', message: 'files changed' }
    const harness = createHarness({ answer: playing([], turnAnswer({ success: false, error })) })
    expect(await harness.run('ask', 'x')).toBe(1)
    expect(harness.stdout()).toBe('The login is checked in auth.ts.\n')
    expect(harness.stderr()).toContain('code: READ_ONLY_CHANGED')
  })

  test('an answer that was cut says how to read on', async () => {
    const cut = turnAnswer({ read_on: { offset: 10, total: 99 } })
    const harness = createHarness({ answer: playing([], cut) })
    await harness.run('ask', 'x')
    expect(harness.stderr()).toContain(`tandem result ${turnId} --offset 10`)
  })

  test('--json: each event as it comes, the answer last', async () => {
    const harness = createHarness({ answer: playing(story.slice(0, 2), answer) })
    expect(await harness.run('ask', 'x', '--json')).toBe(0)
    expect(linesOf(harness)).toEqual([
      { type: 'event', ...story[0] },
      { type: 'event', ...story[1] },
      { type: 'answer', ...answer },
    ])
  })

  test('a connection that is lost leaves the way back to the turn', async () => {
    const harness = createHarness({
      answer: ({ options }) => {
        options.onEvent?.(acceptedEvent)
        throw new AppError('DAEMON_LOST', 'unavailable', 'the connection was lost', { hint: 'try again' })
      },
    })
    expect(await harness.run('ask', 'x')).toBe(69)
    expect(harness.stderr()).toContain(
      `cure: try again; the turn is ${turnId}: \`tandem wait ${turnId}\` comes back to it`,
    )
  })

  test('a turn that is not there, or an id that is none, leaves no way back to it', async () => {
    const gone = new AppError('TURN_UNKNOWN', 'missing', 'there is no turn nope', { hint: '`tandem turns` lists them' })
    const harness = createHarness({
      answer: () => {
        throw gone
      },
    })
    expect(await harness.run('wait', 'nope')).toBe(66)
    expect(harness.stderr()).toContain('cure: `tandem turns` lists them\n')
  })
})

describe('the prompt', () => {
  const prompts = async (argv: readonly string[], stdin: HarnessOptions['stdin']): Promise<unknown> => {
    const harness = createHarness({ answer: playing([]), ...(stdin === undefined ? {} : { stdin }) })
    const code = await harness.run('ask', ...argv)
    return code === 0 ? promptOf(harness) : [code, harness.stderr().split('\n')[0]]
  }

  test('comes from the arguments, from stdin, or from both', async () => {
    const pipe = {
      kind: 'pipe',
      chunks: ['dif', Buffer.from('f ü').subarray(0, 3), Buffer.from('f ü').subarray(3)],
    } as const
    expect([
      await prompts(['a', 'b'], { kind: 'terminal' }),
      await prompts([], pipe),
      await prompts(['review'], pipe),
      await prompts(['review'], { kind: 'pipe', chunks: ['\n'] }),
      await prompts([], { kind: 'other', chunks: ['x'] }),
      await prompts(['review'], { kind: 'other', chunks: ['never read'] }),
    ]).toEqual(['a b', 'diff ü', 'review\n\ndiff ü', 'review', 'x', 'review'])
  })

  test('an empty or too long one is refused, and no more is read than it takes to know', async () => {
    expect(await prompts([], { kind: 'pipe' })).toEqual([2, 'tandem: prompt: the prompt is empty'])
    const chunk = 'x'.repeat(maxPromptBytes / 2)
    const harness = createHarness({ stdin: { kind: 'pipe', chunks: [chunk, chunk, 'y', chunk, chunk] } })
    expect(await harness.run('ask')).toBe(2)
    expect(harness.stderr()).toContain('prompt: the prompt is longer than 1 MiB')
    expect(harness.log).toEqual([`stdin ${chunk.length}`, `stdin ${chunk.length}`, 'stdin 1'])
    expect(await prompts([], { kind: 'pipe', chunks: [chunk, chunk] })).toHaveLength(maxPromptBytes)
  })
})

describe('a pipe that is left open', () => {
  test('is said after a while, when there is a prompt beside it', async () => {
    const end = Promise.withResolvers<void>()
    const harness = createHarness({ answer: playing([]), stdin: { kind: 'pipe', chunks: ['more'], end: end.promise } })
    const run = harness.run('ask', 'x')
    await settle()
    harness.clock.advance(3000)
    expect(harness.stderr()).toBe(
      'tandem: waiting for the end of stdin; close it (`< /dev/null`) if nothing is to come\n',
    )
    end.resolve()
    expect([await run, promptOf(harness)]).toEqual([0, 'x\n\nmore'])
  })
})

describe('ask --detach', () => {
  const accepted = turnAnswer({ success: false, status: 'queued', agent_messages: '' })

  test('does not wait, and prints the id for a script', async () => {
    const harness = createHarness({ answer: playing([], accepted) })
    expect(await harness.run('ask', 'x', '--detach')).toBe(0)
    expect(harness.calls[0]?.input).toMatchObject({ wait_ms: 0 })
    expect([harness.stdout(), harness.stderr()]).toEqual([`${turnId}\n`, ''])
  })

  test('says on a terminal how to come back', async () => {
    const harness = createHarness({ terminal: 'both', answer: playing([], accepted) })
    await harness.run('ask', 'x', '-d')
    expect(harness.stderr()).toBe(`come back with \`tandem wait ${turnId}\`\n`)
  })

  test('--json prints the answer', async () => {
    const harness = createHarness({ answer: playing([], accepted) })
    await harness.run('ask', 'x', '-d', '--json')
    expect(linesOf(harness)).toEqual([{ type: 'answer', ...accepted }])
  })
})

describe('the live view', () => {
  test('shows what happens on stderr, streams the message to stdout and does not repeat it', async () => {
    const harness = createHarness({ terminal: 'both', columns: 100, answer: playing(story, answer) })
    expect(await harness.run('ask', 'x')).toBe(0)
    expect(harness.stdout()).toBe('The login is\nchecked in auth.ts.\n')
    expect(withoutStatus(harness.stderr())).toEqual([
      `· ${turnId} in /repo (read-only): where is the login?`,
      '· thinking: Look for login first',
      '· $ rg login (exit 0, 300ms)',
      '· retrying: HTTP 429',
      '· after an interruption: continued, because the app-server ended',
      '· started (continue, attempt 2)',
      '· $ npm test (exit 1, 2s)',
      '    a',
      '    b',
      '· files: auth.ts (update)',
      '· 1 file changed: auth.ts',
      '· the proposed diff does not apply: x.ts (line 3)',
      `· 12s · 12,345 tokens · ${turnId} · session ${sessionId}`,
    ])
  })

  test('with stdout piped the answer stands on stdout once and not in the progress', async () => {
    const harness = createHarness({ terminal: 'stderr', answer: playing(story, answer) })
    await harness.run('ask', 'x')
    expect(harness.stdout()).toBe('The login is\nchecked in auth.ts.\n')
    expect(harness.stderr()).not.toContain('checked in')
    expect(harness.stderr()).toContain('running: rg login')
  })

  test('a terminal that does not know its width is taken for a usual one; the id is whole on a narrow one', async () => {
    for (const columns of [0, 20]) {
      const harness = createHarness({ terminal: 'both', columns, answer: playing(story, answer) })
      await harness.run('ask', 'x')
      expect(withoutStatus(harness.stderr())[0]).toBe(
        columns === 0 ? `· ${turnId} in /repo (read-only): where is the login?` : `· ${turnId}`,
      )
    }
  })

  test('with stderr redirected everything is on stdout', async () => {
    const harness = createHarness({ terminal: 'stdout', answer: playing(story, answer) })
    await harness.run('ask', 'x')
    expect(harness.stderr()).toBe('')
    expect(withoutStatus(harness.stdout())).toContain('checked in auth.ts.')
  })

  test('the status line tells time, doing and tokens, moves each second, and is gone at the end', async () => {
    const harness = hanging({ terminal: 'both', columns: 60, environment: { TERM: 'xterm', NO_COLOR: '1' } })
    const run = harness.run('ask', 'x')
    await settle()
    const options = harness.calls[0]?.options
    options?.onEvent?.(wireEvent(3, 'usage', usage))
    options?.onEvent?.(wireEvent(2, 'command.started', { item_id: 'c', command: `echo ${'wide 漢字 '.repeat(20)}` }))
    harness.clock.advance(61_000)
    const lines = harness.stderr().split('\r\x1b[2K')
    expect(lines).toContain('0ms · queued · 12,345 tokens')
    expect(lines.at(-1)).toBe('1m 01s · running: echo wide 漢字 wide 漢字 wide 漢字 wide …')
    harness.interrupt()
    await settle()
    harness.clock.advance(2000)
    await run
    expect(harness.stderr().split('\r\x1b[2K').at(-1)).toMatch(/^tandem: left/)
    const shown = harness.stderr()
    harness.clock.advance(10_000)
    options?.onEvent?.(wireEvent(9, 'warning', { message: 'too late' }))
    expect(harness.stderr()).toBe(shown)
  })

  test('colours on a terminal; none with NO_COLOR or TERM=dumb, and no redrawing on the latter', async () => {
    const shown = async (environment: HarnessOptions['environment']): Promise<string> => {
      const harness = createHarness({
        terminal: 'both',
        answer: playing(story, answer),
        ...(environment && { environment }),
      })
      await harness.run('ask', 'x')
      return harness.stderr()
    }
    const marks = (text: string): unknown => [text.includes('\x1b[33m'), text.includes('\x1b[2K')]
    expect(marks(await shown({ TERM: 'xterm' }))).toEqual([true, true])
    expect(marks(await shown({ TERM: 'xterm', NO_COLOR: '1' }))).toEqual([false, true])
    expect(marks(await shown({ TERM: 'dumb' }))).toEqual([false, false])
    expect(marks(await shown({ TERM: 'dumb', FORCE_COLOR: '1' }))).toEqual([true, false])
  })

  test('hostile text from the model, commands and files reaches no terminal', async () => {
    const evil = 'a\x1b]0;title\x07b\x1b[2Jc\x9b31md\x00e\x7ff\u202eg\rh'
    const harness = createHarness({
      terminal: 'both',
      columns: 400,
      environment: { TERM: 'dumb' },
      answer: playing(
        [
          wireEvent(1, 'turn.accepted', { prompt: evil, sandbox: 'read-only', cd: evil }),
          wireEvent(2, 'command.ended', { item_id: 'c', command: evil, exit_code: 1, duration_ms: null, output: evil }),
          wireEvent(3, 'files.changed', { item_id: 'f', files: [{ path: evil, change: evil }] }),
          wireEvent(4, 'text', { item_id: 'm', text: 'one \x1b[3' }),
          wireEvent(5, 'text', { item_id: 'm', text: '1mred' }),
          wireEvent(6, 'message', { item_id: 'm', text: 'one \x1b[31mred' }),
          wireEvent(7, `kind${evil}`, { evil }),
        ],
        turnAnswer({ agent_messages: evil, diff: `diff --git a/${evil} b/${evil}\n`, session_id: evil }),
      ),
    })
    await harness.run('ask', 'x')
    expect(harness.stdout() + harness.stderr()).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]/)
    expect(harness.stdout()).toBe('one red\nabcdefg\nh\n')
  })

  test('messages that come without pieces, of another item, or other than their pieces are shown whole', async () => {
    const text = (seq: number, id: string, piece: string): WireEvent =>
      wireEvent(seq, 'text', { item_id: id, text: piece })
    const message = (seq: number, id: string, whole: string): WireEvent =>
      wireEvent(seq, 'message', { item_id: id, text: whole })
    const events = [
      message(1, 'a', 'first'),
      text(2, 'b', 'sec'),
      message(3, 'b', 'second'),
      text(4, 'c', 'lost'),
      text(5, 'd', 'begun'),
      message(6, 'd', 'other'),
    ]
    const harness = createHarness({
      terminal: 'both',
      answer: playing(events, turnAnswer({ agent_messages: 'other' })),
    })
    await harness.run('ask', 'x')
    expect(harness.stdout()).toBe('first\nsecond\nlost\nbegun\nother\n')
  })
})

describe('wait', () => {
  test('shows the same, from the beginning of the turn', async () => {
    const harness = createHarness({ terminal: 'both', answer: playing(story, answer) })
    expect(await harness.run('wait', turnId)).toBe(0)
    expect(harness.log).toEqual(['connect', `wait {"turn_id":"${turnId}","wait_ms":600000,"cursor":0}`, 'closed'])
    expect(harness.stdout()).toBe('The login is\nchecked in auth.ts.\n')
  })

  test('piped it asks for no events', async () => {
    const harness = createHarness({ answer: playing(story, answer) })
    await harness.run('wait', turnId)
    expect([harness.calls[0]?.input, harness.calls[0]?.options.onEvent]).toEqual([
      { turn_id: turnId, wait_ms: 600_000 },
      undefined,
    ])
  })
})

describe('Ctrl-C', () => {
  const left = `tandem: left, the turn goes on; \`tandem wait ${turnId}\` comes back to it, Ctrl-C again cancels it\n`

  test('once: the turn goes on, the way back is printed, nothing is cancelled', async () => {
    const harness = hanging()
    const run = harness.run('ask', 'x')
    await settle()
    harness.interrupt()
    await settle()
    expect(harness.stderr()).toBe(left)
    harness.clock.advance(2000)
    expect(await run).toBe(130)
    expect(harness.calls.map(({ verb }) => verb)).toEqual(['ask'])
    expect([harness.calls[0]?.options.signal?.aborted, harness.log.at(-1), harness.listeners()]).toEqual([
      true,
      'closed',
      0,
    ])
  })

  test('twice: the turn is cancelled', async () => {
    const harness = hanging()
    const run = harness.run('wait', turnId)
    await settle()
    harness.interrupt()
    await settle()
    harness.interrupt()
    expect(await run).toBe(130)
    expect(harness.stderr()).toBe(`${left}tandem: cancelled ${turnId}\n`)
    expect(harness.calls.map(({ verb, input }) => [verb, (input as { turn_id: string }).turn_id])).toEqual([
      ['wait', turnId],
      ['cancel', turnId],
    ])
  })

  test('with --json both are lines', async () => {
    const harness = hanging()
    const run = harness.run('ask', 'x', '--json')
    await settle()
    harness.interrupt()
    await settle()
    harness.interrupt()
    await run
    expect(linesOf(harness)).toMatchObject([
      { type: 'event', kind: 'turn.accepted' },
      { type: 'detached', turn_id: turnId },
      { type: 'cancelled', turn_id: turnId, answer: { status: 'interrupted' } },
    ])
  })

  test('before the turn is known: the way back follows when it is, or it is said that there is none', async () => {
    let onEvent: FakeCall['options']['onEvent']
    const harness = createHarness({
      answer: ({ options }) => {
        onEvent = options.onEvent
        return new Promise(() => undefined)
      },
    })
    const run = harness.run('ask', 'x')
    await settle()
    harness.interrupt()
    await settle()
    expect(harness.stderr()).toBe('')
    onEvent?.(acceptedEvent)
    await settle()
    expect(harness.stderr()).toBe(left)
    harness.clock.advance(2000)
    expect(await run).toBe(130)

    const never = createHarness({ answer: () => new Promise(() => undefined) })
    const lost = never.run('ask', 'x')
    await settle()
    never.interrupt()
    await settle()
    never.clock.advance(2000)
    expect(await lost).toBe(130)
    expect(never.stderr()).toBe('tandem: left before the turn was accepted; `tandem turns` shows whether it was\n')
  })

  const cancelTwice = async (harness: Harness, ...argv: readonly string[]): Promise<number> => {
    const run = harness.run('wait', turnId, ...argv)
    await settle()
    harness.interrupt()
    await settle()
    harness.interrupt()
    await settle()
    harness.clock.advance(10_000)
    return run
  }
  const failed = {
    success: false,
    status: 'failed',
    error: { code: 'SOME', kind: 'timeout', message: 'silent' },
  } as const
  const unconfirmed = `tandem: asked to cancel ${turnId}, not confirmed yet; \`tandem wait ${turnId}\` shows how it ends\n`

  test.each<[string, () => unknown, number, string, string]>([
    ['completed', () => turnAnswer(), 0, 'The login is checked in auth.ts.\n', ''],
    ['failed', () => turnAnswer(failed), 1, '', 'tandem: silent\n'],
    ['running', () => turnAnswer({ success: false, status: 'running' }), 130, '', unconfirmed],
    ['not answered for', () => new Promise(() => undefined), 130, '', unconfirmed],
  ])('twice, of a turn that is %s then: that is said, not that it was cancelled', async (_name, played, ...said) => {
    const [code, stdout, stderr] = said
    for (const terminal of [undefined, 'both'] as const) {
      const harness = hanging({ environment: { TERM: 'dumb' }, ...(terminal && { terminal }) }, played)
      expect([await cancelTwice(harness), harness.stdout()]).toEqual([code, stdout])
      expect(harness.stderr()).toContain(stderr)
      expect(harness.stderr()).not.toContain('tandem: cancelled')
    }
  })

  test.each<[string, () => unknown, object]>([
    ['completed', () => turnAnswer(), { type: 'answer', status: 'completed' }],
    ['running', () => turnAnswer({ status: 'running' }), { type: 'cancelling', answer: { status: 'running' } }],
    ['not answered for', () => new Promise(() => undefined), { type: 'cancelling', turn_id: turnId, answer: null }],
  ])('with --json, twice, of a turn that is %s then: the last line says so', async (_name, played, last) => {
    const harness = hanging({}, played)
    await cancelTwice(harness, '--json')
    expect(linesOf(harness).at(-1)).toMatchObject(last)
    expect(harness.stderr()).toBe('')
  })

  test('with --json a turn that never became known is a line, too', async () => {
    const harness = createHarness({ answer: () => new Promise(() => undefined) })
    const run = harness.run('ask', 'x', '--json')
    await settle()
    harness.interrupt()
    await settle()
    harness.clock.advance(2000)
    expect(await run).toBe(130)
    expect([linesOf(harness), harness.stderr()]).toEqual([[{ type: 'detached', turn_id: null }], ''])
  })

  test('an answer right after the first one is still shown', async () => {
    const ending = Promise.withResolvers<TurnAnswer>()
    const harness = createHarness({
      answer: ({ options }) => {
        options.onEvent?.(acceptedEvent)
        return ending.promise
      },
    })
    const run = harness.run('ask', 'x')
    await settle()
    harness.interrupt()
    await settle()
    ending.resolve(turnAnswer())
    expect([await run, harness.stdout()]).toEqual([0, 'The login is checked in auth.ts.\n'])
  })
})

const linesOf = (harness: Harness): readonly unknown[] =>
  harness
    .stdout()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as unknown)

/** The lines that stay on a terminal: what was drawn over is gone, and so are colours. */
function withoutStatus(text: string): readonly string[] {
  const lasting = text
    .split('\n')
    .map(line => line.slice(line.lastIndexOf('\r\x1b[2K') + 1).replace(/^\x1b\[2K/, ''))
    .map(line => line.replace(/\x1b\[\d+m/g, ''))
  return lasting.filter(line => line !== '')
}

const promptOf = (harness: Harness): unknown =>
  (harness.calls[0] as { readonly input: { readonly prompt: string } }).input.prompt
