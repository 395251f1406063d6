import { describe, expect, it } from 'vitest'
import { startCuttableLink } from '../../test/support/cuttable-link.ts'
import { turnAnswer, wireEvent } from '../../test/support/fake-daemon.ts'
import { benchForEach, caller, failureOf, question } from './test-harness.ts'

const bench = benchForEach()
const { open, startDoor } = bench

describe('a connection that is lost in a call', () => {
  async function startLinked(): Promise<{ readonly cut: () => void }> {
    await startDoor({}, `${bench.places.runtimeDir}/behind.sock`)
    const link = await startCuttableLink(bench.places.socketPath, `${bench.places.runtimeDir}/behind.sock`)
    bench.owns(link)
    return link
  }

  it('asks again with the same key, so that the turn of the first time is found', async () => {
    const link = await startLinked()
    const answer = open().call('ask', { ...question, wait_ms: 60_000 }, { caller })
    const first = await bench.verbs.nth(0)
    link.cut()
    const second = await bench.verbs.nth(1)
    second.answer(turnAnswer({ turn_id: 'the same' }))
    expect(await answer).toMatchObject({ turn_id: 'the same' })
    expect(first.input['idempotency_key']).toMatch(/^[\da-f-]{36}$/)
    expect(second.input['idempotency_key']).toBe(first.input['idempotency_key'])
    expect(second.input['wait_ms']).toBeLessThan(60_000)
    expect(second.input['wait_ms']).toBeGreaterThan(50_000)
  })

  it("keeps the caller's own key, and gives every other ask one of its own", async () => {
    await startLinked()
    const client = open()
    for (const more of [{ idempotency_key: 'mine' }, {}, {}])
      void client.call('ask', { ...question, ...more }, { caller }).catch(() => 0)
    await bench.verbs.nth(2)
    const keys = bench.verbs.calls.map(call => call.input['idempotency_key'])
    expect(keys).toContain('mine')
    expect(new Set(keys).size).toBe(3)
  })

  it('goes on following a turn after the last event, and passes none twice', async () => {
    const link = await startLinked()
    const seen: number[] = []
    const answer = open().call('wait', { turn_id: 't' }, { caller, onEvent: event => seen.push(event.seq) })
    const first = await bench.verbs.nth(0)
    for (const seq of [4, 5]) first.options.onEvent?.(wireEvent(seq))
    await expect.poll(() => seen).toEqual([4, 5])
    link.cut()
    const second = await bench.verbs.nth(1)
    expect([first.input['cursor'], second.input['cursor']]).toEqual([undefined, 5])
    for (const seq of [4, 5, 6]) second.options.onEvent?.(wireEvent(seq))
    second.answer(turnAnswer())
    await answer
    expect(seen).toEqual([4, 5, 6])
  })

  it('asks for the same page of events again', async () => {
    const link = await startLinked()
    const answer = open().call('events', { cursor: 2 }, { caller })
    await bench.verbs.nth(0)
    link.cut()
    const second = await bench.verbs.nth(1)
    second.answer({ events: [], cursor: 2, has_more: false })
    await answer
    expect(second.input['cursor']).toBe(2)
  })

  it.each(['steer', 'shutdown'] as const)('does not do %s a second time', async verb => {
    const link = await startLinked()
    const client = open()
    const answer =
      verb === 'steer'
        ? client.call(verb, { turn_id: 't', message: 'm' }, { caller })
        : client.call(verb, {}, { caller })
    const failure = failureOf(answer)
    await bench.verbs.nth(0)
    link.cut()
    expect(await failure).toMatchObject({ code: 'DAEMON_CONNECTION_LOST', kind: 'unavailable' })
    expect(bench.verbs.calls).toHaveLength(1)
  })

  it('gives up on a daemon that this call keeps killing', { timeout: 30_000 }, async () => {
    const link = await startLinked()
    const answer = open().call('status', {}, { caller })
    const failure = failureOf(answer)
    for (let index = 0; index <= 8; index += 1) {
      await bench.verbs.nth(index)
      link.cut()
    }
    expect(await failure).toMatchObject({ code: 'DAEMON_CONNECTION_LOST' })
    expect(bench.verbs.calls).toHaveLength(9)
  })

  it.each(['upgrade', 'idle'] as const)('waits for the next daemon after %s, and is told of a stop', async reason => {
    const old = await startDoor()
    const client = open({ connectTimeoutMs: 5000 })
    const answer = client.call('wait', { turn_id: 't' }, { caller })
    await bench.verbs.nth(0)
    old.stopAccepting(reason)
    await old[Symbol.asyncDispose]()
    const next = await startDoor()
    ;(await bench.verbs.nth(1)).answer(turnAnswer())
    expect(await answer).toMatchObject({ success: true })

    const stopped = failureOf(client.call('wait', { turn_id: 't' }, { caller }))
    await bench.verbs.nth(2)
    next.stopAccepting('down')
    await next[Symbol.asyncDispose]()
    expect(await stopped).toMatchObject({ code: 'DAEMON_STOPPING' })
    expect(bench.verbs.calls).toHaveLength(3)
  })

  it('connects anew for the next call after an idle daemon was replaced', async () => {
    const old = await startDoor()
    const client = open()
    await client.connect()
    await old[Symbol.asyncDispose]()
    await startDoor({ says: { node_id: 'node_y' } })
    await expect.poll(async () => (await client.connect()).node_id).toBe('node_y')
  })
})
