import { describe, expect, it } from 'vitest'
import { asAgentId, asNodeId, asThreadId, asTurnId, createFakeClock } from '#kernel'
import { queuedTurn } from '#store'
import type { StoredEvent, TurnRow } from '#store'
import { answerOf, describeEvent, turnSummaryOf } from './turn-answer.ts'
import { knownRequestOf } from './turn-request.ts'

const turn: TurnRow = {
  ...queuedTurn({
    id: asTurnId('turn_1'),
    nodeId: asNodeId('node_1'),
    agentId: asAgentId('agent_1'),
    threadId: asThreadId('thread_1'),
    prompt: 'p'.repeat(300),
    request: knownRequestOf({ request: { cd: '/x' } }),
    caller: {},
    idempotencyKey: null,
    inputHash: '',
    acceptedAt: 1_700_000_000_000,
  }),
  status: 'completed',
  endedAt: 1_700_000_000_250,
  finalText: '',
}

/** Events of the turn, in order. */
const storeOf = (events: readonly (readonly [string, Record<string, unknown>])[]) => {
  const stored = events.map(([kind, data], index): StoredEvent => ({
    seq: index + 1,
    at: 0,
    nodeId: turn.nodeId,
    agentId: turn.agentId,
    turnId: turn.id,
    threadId: turn.threadId,
    kind,
    data,
  }))
  return {
    events: {
      after: async ({ cursor, kinds }: { readonly cursor: number; readonly kinds?: readonly string[] }) =>
        stored.filter(event => event.seq > cursor && (kinds === undefined || kinds.includes(event.kind))),
      last: async () => stored.at(-1),
      lastSeq: async () => stored.length,
      cursorBefore: async () => 0,
    },
  }
}
const deps = (events: Parameters<typeof storeOf>[0] = []) => ({ store: storeOf(events), clock: createFakeClock() })

describe('the answer of a turn', () => {
  it('is read in pieces that never cut a character, and always get on', async () => {
    const text = 'a😀b😀😀c'
    for (const maxChars of [1, 2, 3, 100]) {
      const pieces: string[] = []
      let offset = 0
      for (let reads = 0; reads < 20; reads += 1) {
        const answer = await answerOf(deps(), { ...turn, finalText: text }, { offset, maxChars })
        pieces.push(answer.agent_messages)
        if (answer.read_on === undefined) break
        expect(answer.read_on.total).toBe(text.length)
        offset = answer.read_on.offset
      }
      expect(pieces.join('')).toBe(text)
      expect(pieces.every(piece => piece.isWellFormed())).toBe(true)
    }
  })

  it('is empty beyond its end', async () => {
    expect(await answerOf(deps(), { ...turn, finalText: 'short' }, { offset: 99, maxChars: 5 })).toMatchObject({
      agent_messages: '',
    })
  })

  it('is the text so far of a turn that has none yet: the message that was begun last', async () => {
    const running: TurnRow = { ...turn, status: 'running', finalText: null, endedAt: null }
    const cut = [
      ['text', { item_id: 'm1', text: 'first' }],
      ['message', { item_id: 'm1', text: 'first message' }],
    ] as const
    expect((await answerOf(deps(cut), running)).agent_messages).toBe('first message')
    const more = [
      ...cut,
      ['text', { item_id: 'm2', text: 'cut off' }],
      ['text', { item_id: 'm3', text: 'once ' }],
      ['text', { item_id: 'm3', text: 'more' }],
    ] as const
    expect(await answerOf(deps(more), running)).toMatchObject({
      success: false,
      status: 'running',
      agent_messages: 'once more',
      last_event: { seq: 5, kind: 'text' },
    })
  })

  it('has what happened last in short, never with half a character', async () => {
    const lastOf = async (text: string) => (await answerOf(deps([['message', { text }]]), turn)).last_event?.text
    expect(await lastOf('x'.repeat(500))).toBe('x'.repeat(500))
    expect(await lastOf('x'.repeat(100_000))).toBe('x'.repeat(500))
    expect(await lastOf(`${'x'.repeat(499)}😀 and more`)).toBe('x'.repeat(499))
  })

  it('has all messages when they are wanted, reasoning only when that is on', async () => {
    const events = [
      ['reasoning', { item_id: 'r', text: 'hm' }],
      ['command.ended', { item_id: 'c', command: 'ls', exit_code: 0, duration_ms: 1, output: 'x\n' }],
      ['files.changed', { item_id: 'f', files: [{ path: 'x', change: 'add' }] }],
      ['message', { item_id: 'm', text: 'done' }],
    ] as const
    const all = await answerOf(deps(events), turn, { allMessages: true })
    expect(all.all_messages).toEqual([
      { kind: 'command', text: '$ ls (exit 0)\nx' },
      { kind: 'files', text: 'add x' },
      { kind: 'message', text: 'done' },
    ])
    const withReasoning = { ...turn, request: { ...turn.request, reasoning: true, returnAllMessages: true } }
    expect((await answerOf(deps(events), withReasoning)).all_messages?.[0]).toEqual({ kind: 'reasoning', text: 'hm' })
    expect((await answerOf(deps(events), withReasoning, { allMessages: false })).all_messages).toBeUndefined()
    expect((await answerOf(deps(events), turn)).elapsed_ms).toBe(250)
  })
})

describe('in short', () => {
  it.each([
    [{ kind: 'command.started', data: { command: 'ls' } }, 'runs ls'],
    [{ kind: 'command.ended', data: { command: 'ls', exit_code: null, output: '' } }, '$ ls (exit ?)'],
    [{ kind: 'tool', data: { name: 'web', status: 'ok' } }, 'web: ok'],
    [{ kind: 'turn.reconciled', data: { decision: 'continued', reason: 'cut' } }, 'continued: cut'],
    [{ kind: 'usage', data: { total_tokens: 12 } }, '12 tokens'],
    [{ kind: 'files.changed', data: { files: 'odd' } }, ''],
    [{ kind: 'made.up', data: {} }, 'made.up'],
  ])('an event is one line: %j', (event, line) => {
    expect(describeEvent(event)).toBe(line)
  })

  it('a turn has the beginning of its prompt', () => {
    expect(turnSummaryOf(turn)).toMatchObject({
      turn_id: 'turn_1',
      prompt: 'p'.repeat(200),
      attempts: 0,
      total_tokens: null,
    })
  })
})
