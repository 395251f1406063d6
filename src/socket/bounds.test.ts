import { describe, expect, it } from 'vitest'
import { testLimits, wireEvent } from '../../test/support/fake-daemon.ts'
import { alive, benchForEach, call, errorOf } from './test-harness.ts'

const bench = benchForEach()
const { answerOfAnother, connect, restart } = bench

describe('the socket door and its bounds', () => {
  it('turns away more clients than allowed, with a reason', async () => {
    await restart({ limits: { ...testLimits, maxClients: 3 } })
    const [first] = [await connect(), await connect(), await connect()]
    expect(bench.door.clients).toBe(3)
    const fourth = await connect({ greet: false })
    expect(await fourth.rest()).toEqual([expect.objectContaining(errorOf(-32004, 'SOCKET_TOO_MANY_CLIENTS'))])
    first.socket.destroy()
    await expect.poll(() => bench.door.clients).toBe(2)
    expect(await answerOfAnother()).toEqual(alive)
  })

  it('refuses more open calls of a client, and of all, than allowed', async () => {
    await restart({ limits: { ...testLimits, maxCallsPerClient: 3, maxCalls: 4 } })
    const [one, two] = [await connect(), await connect()]
    for (const id of [1, 2, 3, 4]) one.send(call(id, 'status'))
    expect(await one.next()).toMatchObject({ id: 4, ...errorOf(-32004, 'SOCKET_TOO_MANY_CALLS') })
    for (const id of [1, 2]) two.send(call(id, 'status'))
    expect(await two.next()).toMatchObject({ id: 2, error: { message: expect.stringContaining('all clients') } })
    ;(await bench.verbs.nth(0)).answer()
    await one.next()
    two.send(call(3, 'status'))
    ;(await bench.verbs.nth(4)).answer({ ok: 1 })
    expect(await two.next()).toMatchObject({ id: 3, result: { ok: 1 } })
  })

  it('closes a client that does not read, and nobody else', async () => {
    const slow = await connect()
    slow.socket.pause()
    slow.send(call(1, 'ask', { prompt: 'x', cd: '/x' }, { events: true }))
    const asked = await bench.verbs.nth(0)
    for (let i = 0; i < 200 && asked.options.signal?.aborted === false; i += 1) {
      asked.options.onEvent?.(wireEvent(i, 'x'.repeat(20_000)))
      await new Promise(resolve => void setImmediate(resolve))
    }
    expect(asked.options.signal?.aborted).toBe(true)
    expect(await answerOfAnother()).toEqual(alive)
    expect(bench.door.calls).toBe(0)
  })

  it('sends one answer that is longer than the bound', async () => {
    const client = await connect()
    client.send(call(1, 'status'))
    ;(await bench.verbs.nth(0)).answer({ long: 'x'.repeat(testLimits.maxOutgoingBytes * 4) })
    expect(await client.next()).toMatchObject({ id: 1 })
  })

  it('serves many clients at once', async () => {
    const all = await Promise.all(Array.from({ length: 40 }, () => connect()))
    all.forEach((client, index) => client.send(call(index, 'result', { turn_id: `t${index}` })))
    await bench.verbs.nth(39)
    for (const asked of bench.verbs.calls) asked.answer({ for: asked.input['turn_id'] })
    const answers = await Promise.all(all.map(client => client.next()))
    expect(answers).toEqual(all.map((_, index) => ({ jsonrpc: '2.0', id: index, result: { for: `t${index}` } })))
  })
})
