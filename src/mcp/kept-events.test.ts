import { expect, it } from 'vitest'
import { createKeptEvents } from './kept-events.ts'
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js'
import type { KeptEvents } from './kept-events.ts'

const limits = { maxEvents: 5, maxChars: 2000, maxStreams: 4 }

const progress = (text = 'x'): JSONRPCMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/progress',
  params: { text },
})
const answer = (id: number, text = 'x'): JSONRPCMessage => ({ jsonrpc: '2.0', id, result: { text } })
const question: JSONRPCMessage = { jsonrpc: '2.0', id: 900, method: 'sampling/createMessage' }

/** As the SDK begins a stream: an empty message that has an id. */
async function primed(kept: KeptEvents, streamId: string): Promise<string> {
  const empty: object = {}
  return kept.storeEvent(streamId, empty as JSONRPCMessage)
}

const missedOf = (kept: KeptEvents, id: string): readonly JSONRPCMessage[] => {
  const resumption = kept.resume(id)
  return resumption.kind === 'over' ? resumption.missed.map(({ message }) => message) : []
}

const lostAnswer = (id: number) => ({ id, error: { message: expect.stringContaining('codex_wait') } })

it('a stream is over with its answer, not with a message or a question; then what was missed is told', async () => {
  const kept = createKeptEvents(limits)
  const start = await primed(kept, 's')
  await kept.storeEvent('s', progress())
  const middle = await kept.storeEvent('s', question)
  expect(kept.resume(start)).toEqual({ kind: 'live' })
  const end = await kept.storeEvent('s', answer(7))
  await kept.storeEvent('other', answer(8))
  expect(missedOf(kept, start)).toEqual([progress(), question, answer(7)])
  expect(missedOf(kept, middle)).toEqual([answer(7)])
  expect(kept.resume(end)).toEqual({ kind: 'over', missed: [] })
})

it('beyond the number of events messages go before answers; an answer that had to go is told of', async () => {
  const kept = createKeptEvents(limits)
  const start = await primed(kept, 's')
  await kept.storeEvent('s', progress())
  await kept.storeEvent('s', answer(7))
  const busy = await primed(kept, 'busy')
  for (let at = 0; at < 50; at += 1) await kept.storeEvent('busy', progress(String(at)))
  expect(missedOf(kept, start)).toEqual([answer(7)])
  for (let at = 0; at < 4; at += 1) await kept.storeEvent('busy', answer(20 + at))
  expect(missedOf(kept, start)).toEqual([answer(7)])
  await kept.storeEvent('busy', answer(24))
  expect(missedOf(kept, start)).toMatchObject([lostAnswer(7)])
  expect(missedOf(kept, busy)).toEqual([20, 21, 22, 23, 24].map(id => answer(id)))
})

it('an answer that had to go names its turn', async () => {
  const kept = createKeptEvents({ ...limits, maxEvents: 1 })
  const start = await primed(kept, 's')
  await kept.storeEvent('s', { jsonrpc: '2.0', id: 'k', result: { structuredContent: { turn_id: 'turn_4' } } })
  await kept.storeEvent('t', answer(2))
  const message = expect.stringMatching(/codex_wait with turn_id turn_4$/)
  expect(missedOf(kept, start)).toMatchObject([{ id: 'k', error: { message } }])
})

it('beyond the number of characters, too; the newest is kept however long it is', async () => {
  const kept = createKeptEvents(limits)
  const [first, second] = [await primed(kept, 'a'), await primed(kept, 'b')]
  await kept.storeEvent('a', answer(1))
  await kept.storeEvent('b', answer(2, 'y'.repeat(10_000)))
  expect(missedOf(kept, first)).toMatchObject([lostAnswer(1)])
  expect(missedOf(kept, second)).toEqual([answer(2, 'y'.repeat(10_000))])
  await kept.storeEvent('c', answer(3))
  expect(missedOf(kept, second)).toMatchObject([lostAnswer(2)])
})

it('of streams that are over long ago nothing is known; those that are not over are kept for longer', async () => {
  const kept = createKeptEvents(limits)
  const live = await primed(kept, 'live')
  const old = await primed(kept, 'old')
  await kept.storeEvent('old', answer(1))
  for (const id of ['a', 'b', 'c']) await kept.storeEvent(id, answer(2))
  expect([kept.resume(live).kind, kept.resume(old).kind]).toEqual(['live', 'forgotten'])
  for (const id of ['d', 'e', 'f', 'g']) await primed(kept, id)
  expect(kept.resume(live)).toEqual({ kind: 'forgotten' })
})

it.each(['', 'nonsense', '99_s', '-1_s', '1_../x'])('an id that is not ours is known as that: %j', async id => {
  const kept = createKeptEvents(limits)
  await primed(kept, 's')
  expect(kept.resume(id)).toEqual({ kind: 'unknown' })
})
