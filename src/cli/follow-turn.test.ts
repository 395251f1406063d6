import { describe, expect, test } from 'vitest'
import { AppError } from '#kernel'
import type { TurnAnswer } from '#contracts'
import { acceptedEvent, createHarness, turnAnswer, turnId, wireEvent } from './test-harness.ts'
import { answer, linesOf, playing, story } from './test-turns.ts'

describe('ask, piped', () => {
  test('the answer alone on stdout and nothing on stderr', async () => {
    const events = story.filter(({ kind }) => kind !== 'retrying')
    const harness = createHarness({ answer: playing(events, answer) })
    expect(await harness.run('ask', 'where?')).toBe(0)
    expect([harness.stdout(), harness.stderr()]).toEqual(['The login is\nchecked in auth.ts.\n', ''])
  })

  test('a provider that is retried is told on stderr, each reason once until work goes on', async () => {
    const retrying = (sequence: number, message: string) => wireEvent(sequence, 'retrying', { message })
    const text = wireEvent(5, 'text', { item_id: 'm1', text: 'The' })
    const events = [
      retrying(1, 'HTTP 503\nno'),
      retrying(2, 'HTTP 503\nno'),
      retrying(3, 'HTTP 429'),
      text,
      retrying(6, 'HTTP 429'),
    ]
    const harness = createHarness({ answer: playing([acceptedEvent, ...events], answer) })
    expect(await harness.run('ask', 'where?')).toBe(0)
    expect(harness.stdout()).toBe('The login is\nchecked in auth.ts.\n')
    const reason = 'tandem: retrying: HTTP'
    expect(harness.stderr()).toBe(`${reason} 503 no\n${reason} 429\n${reason} 429\n`)
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
