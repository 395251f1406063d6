import { describe, expect, it } from 'vitest'
import { AppError } from '#kernel'
import { turnAnswer, wireEvent } from '../../test/support/fake-daemon.ts'
import type { WireEvent } from '#contracts'
import { benchForEach, caller, failureOf, question } from './test-harness.ts'

const bench = benchForEach()
const { open, startDoor } = bench

describe('calling', () => {
  it('connects at the first call, once, and answers what the verb answered', async () => {
    const door = await startDoor()
    const client = open()
    const calls = [
      client.call('result', { turn_id: 'a' }, { caller }),
      client.call('result', { turn_id: 'b' }, { caller }),
    ]
    for (const index of [0, 1]) {
      const asked = await bench.verbs.nth(index)
      asked.answer(turnAnswer({ turn_id: String(asked.input['turn_id']) }))
    }
    expect((await Promise.all(calls)).map(answer => answer.turn_id)).toEqual(['a', 'b'])
    expect(door.clients).toBe(1)
  })

  it("rejects with the daemon's own error", async () => {
    await startDoor()
    const answer = open().call('status', {}, { caller })
    ;(await bench.verbs.nth(0)).fail(new AppError('ODD', 'busy', 'full', { hint: 'wait', data: { n: 3 } }))
    await expect(answer).rejects.toMatchObject({
      code: 'ODD',
      kind: 'busy',
      message: 'full',
      hint: 'wait',
      data: { n: 3 },
    })
  })

  it('refuses an answer that is not what the verb answers', async () => {
    await startDoor()
    const answer = open().call('shutdown', {}, { caller })
    ;(await bench.verbs.nth(0)).answer({ pid: 'seven' })
    await expect(answer).rejects.toMatchObject({
      code: 'DAEMON_ANSWER_INVALID',
      message: expect.stringContaining('pid'),
    })
  })

  it('passes events before the answer', async () => {
    await startDoor()
    const seen: WireEvent[] = []
    const answer = open().call('ask', question, { caller, onEvent: event => seen.push(event) })
    const asked = await bench.verbs.nth(0)
    for (const seq of [1, 2, 3]) asked.options.onEvent?.(wireEvent(seq))
    asked.answer(turnAnswer())
    await answer
    expect(seen).toEqual([1, 2, 3].map(seq => wireEvent(seq)))
  })

  it('leaves nothing behind for a caller that had left before it called', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    try {
      const client = open()
      const failure = await failureOf(client.call('status', {}, { caller, signal: AbortSignal.abort() }))
      expect(failure).toMatchObject({ code: 'CANCELLED' })
      // Nobody listens there: the attempt to connect fails by itself, after the call.
      await expect(client.connect()).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING' })
      await new Promise(resolve => setImmediate(resolve))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
    }
  })

  it('detaches when its caller leaves, and keeps the connection', async () => {
    const door = await startDoor()
    const client = open()
    const leaving = new AbortController()
    const answer = client.call('wait', { turn_id: 't' }, { caller, signal: leaving.signal })
    const asked = await bench.verbs.nth(0)
    leaving.abort()
    await expect(answer).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect.poll(() => asked.options.signal?.aborted).toBe(true)
    expect(door.clients).toBe(1)
  })

  it('gives up what waits when it is closed', async () => {
    await startDoor()
    const client = open()
    const answer = client.call('wait', { turn_id: 't' }, { caller })
    const failure = failureOf(answer)
    const asked = await bench.verbs.nth(0)
    await client[Symbol.asyncDispose]()
    expect(await failure).toMatchObject({ code: 'CLIENT_CLOSED' })
    await expect.poll(() => asked.options.signal?.aborted).toBe(true)
    await expect(client.call('status', {}, { caller })).rejects.toMatchObject({ code: 'CLIENT_CLOSED' })
  })
})
