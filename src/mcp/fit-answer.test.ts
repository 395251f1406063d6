import { expect, test } from 'vitest'
import type { TurnAnswer } from '#contracts'
import { completed, connected } from './test-harness.ts'

const lastEvent = (text: string) => ({ seq: 9, kind: 'message', at: 1, text })

test.each<[string, (whole: string) => object]>([
  ['a long message', () => ({})],
  ['with the same as JSON', whole => ({ output: { text: whole } })],
  ['with an output of 100 KB', () => ({ output: ['o'.repeat(100_000)] })],
  ['of a turn that runs', whole => ({ status: 'running', success: false, last_event: lastEvent(whole) })],
  [
    'with every member long',
    whole => ({
      output: whole,
      all_messages: [{ kind: 'message', text: whole }],
      last_event: lastEvent(whole),
      proposed_diff: {
        patch: whole,
        applies: false,
        files: Array.from({ length: 150 }, (_, at) => ({ path: `${at}${'p'.repeat(4000)}`, applies: at !== 140 })),
      },
      error: { code: 'SOME', kind: 'timeout', message: whole, hint: whole, data: { whole }, more: whole },
      // A member of a newer daemon.
      novelty: whole,
    }),
  ],
])('a long answer is cut to the bound at code points, and can be read on to its end: %s', async (_what, change) => {
  const whole = '日本語 "quoted" 🙂\n'.repeat(6000)
  await using door = await connected(({ input }) => {
    const offset = typeof input['offset'] === 'number' ? input['offset'] : 0
    const diff = `+${'x'.repeat(200_000)}`
    return { ...completed, agent_messages: whole.slice(offset), diff, ...change(whole) }
  })
  let read = ''
  let result = await door.call('codex', { PROMPT: 'x', cd: '/p' })
  for (let turn = 0; turn < 100; turn += 1) {
    const answer = result.structuredContent as unknown as TurnAnswer
    expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThanOrEqual(80_000)
    if (answer.read_on === undefined) {
      read += answer.agent_messages
      break
    }
    expect(answer.read_on.total).toBe(whole.length)
    expect(answer.agent_messages).toContain(`call codex_result with turn_id turn_1 and offset ${answer.read_on.offset}`)
    expect(answer.diff).toMatch(/\[cut by Tandem after character \d+ of 200001: /)
    expect(answer.read_on.offset).toBeGreaterThan(read.length)
    read += answer.agent_messages.slice(0, answer.read_on.offset - read.length)
    expect(read.isWellFormed()).toBe(true)
    result = await door.call('codex_result', { turn_id: 'turn_1', offset: answer.read_on.offset })
  }
  expect(read).toBe(whole)
})

test('an output that has room is there whole; one that has none leaves its room to the message', async () => {
  const answered = async (change: Partial<TurnAnswer>) => {
    await using door = await connected(() => ({ ...completed, ...change }))
    const result = await door.call('codex', { PROMPT: 'x', cd: '/p' })
    return result.structuredContent as unknown as TurnAnswer
  }
  const output = ['o'.repeat(10_000)]
  const small = await answered({ output, agent_messages: 'm'.repeat(200_000) })
  expect([small.output, small.read_on?.total]).toEqual([output, 200_000])
  const text = JSON.stringify(['o'.repeat(60_000)])
  const large = await answered({ output: JSON.parse(text) as unknown, agent_messages: text })
  expect([large.output, large.agent_messages]).toEqual([undefined, text])
})

test('of many messages the newest stay; of many events the first stay and the cursor goes on behind them', async () => {
  const all_messages = Array.from({ length: 500 }, (_, at) => ({ kind: 'message', text: `${at} ${'m'.repeat(500)}` }))
  const event = (seq: number) => ({
    seq,
    at: 1,
    kind: 'command.ended',
    agent_id: 'a',
    turn_id: 't',
    session_id: 's',
    data: { output: 'o'.repeat(4000), session_id: 'inner' },
  })
  const events = Array.from({ length: 200 }, (_, at) => event(at + 1))
  await using door = await connected(({ verb }) =>
    verb === 'events' ? { events, cursor: 200, has_more: false } : { ...completed, all_messages },
  )
  const answer = (await door.call('codex', { PROMPT: 'x', cd: '/p' })).structuredContent as unknown as TurnAnswer
  expect(answer.agent_messages).toBe('the answer')
  expect(answer.all_messages?.[0]?.text).toMatch(/^\[cut by Tandem: \d+ earlier of 500 messages left out/)
  expect(answer.all_messages?.at(-1)?.text).toMatch(/^499 /)
  const followed = (await door.call('codex_events', { turn_id: 't' })).structuredContent as {
    readonly events: readonly Record<string, unknown>[]
    readonly cursor: number
    readonly has_more: boolean
  }
  expect(Buffer.byteLength(JSON.stringify(followed))).toBeLessThanOrEqual(80_000)
  expect(followed).toMatchObject({ cursor: followed.events.length, has_more: true })
  expect(followed.events[0]).toMatchObject({ SESSION_ID: 's', data: { session_id: 'inner' } })
})
