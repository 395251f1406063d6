import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { alive, benchForEach, call, errorOf } from './test-harness.ts'

const bench = benchForEach()
const { answerOfAnother, connect } = bench

describe('the socket door and clients that leave', () => {
  it('detaches the calls of a client that closed or crashed', async () => {
    const client = await connect()
    client.send(call(1, 'ask', { prompt: 'x', cd: '/x' }))
    const asked = await bench.verbs.nth(0)
    const left = once(asked.options.signal ?? new EventTarget(), 'abort')
    client.socket.destroy()
    await left
    await expect.poll(() => [bench.door.clients, bench.door.calls]).toEqual([0, 0])
  })

  it('still answers one that only ended its side', async () => {
    const client = await connect()
    client.send(call(1, 'status'))
    client.socket.end()
    const asked = await bench.verbs.nth(0)
    await once(client.socket, 'data')
    expect(asked.options.signal?.aborted).toBe(false)
    asked.answer({ ok: 1 })
    expect(await client.rest()).toEqual([{ jsonrpc: '2.0', id: 1, result: { ok: 1 } }])
  })

  it('answers open calls when it closes', async () => {
    const client = await connect()
    client.send(call(1, 'wait', { turn_id: 't' }))
    await bench.verbs.nth(0)
    await bench.door[Symbol.asyncDispose]()
    expect(await client.rest()).toEqual([expect.objectContaining({ id: 1, ...errorOf(-32005, 'DAEMON_STOPPING') })])
  })

  it('takes no new work while it stops, but lets one look and wait', async () => {
    const client = await connect()
    bench.door.stopAccepting('upgrade')
    client.send(call(1, 'ask', { prompt: 'x', cd: '/x' }))
    expect(await client.next()).toMatchObject({
      id: 1,
      error: { code: -32005, data: { code: 'DAEMON_STOPPING', data: { reason: 'upgrade' } } },
    })
    expect(await answerOfAnother()).toEqual(alive)
  })
})
