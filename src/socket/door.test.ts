import { existsSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { AppError } from '#kernel'
import { startTestDoor, wireEvent } from '../../test/support/fake-daemon.ts'
import { benchForEach, call, caller, errorOf } from './test-harness.ts'

const bench = benchForEach()
const { connect } = bench

describe('the socket door', () => {
  it('is for its owner alone, and gone when it is closed', async () => {
    expect(statSync(bench.path).mode & 0o777).toBe(0o600)
    await bench.door[Symbol.asyncDispose]()
    expect(existsSync(bench.path)).toBe(false)
  })

  it('says why it cannot listen', async () => {
    await expect(startTestDoor(`${bench.path}.missing/x.sock`, bench.verbs)).rejects.toMatchObject({
      code: 'SOCKET_NOT_LISTENING',
    })
  })

  it('answers hello with what the daemon is', async () => {
    const client = await connect({ greet: false })
    expect(await client.hello()).toEqual({
      jsonrpc: '2.0',
      id: 'h',
      result: { protocol: 1, version: '1.0.0', pid: process.pid, node_id: 'node_x', running: 0, can_upgrade: true },
    })
  })

  it('passes parsed input and caller to the verb, and answers in the order of the work', async () => {
    const client = await connect()
    client.send(call(1, 'ask', { prompt: 'one', cd: '/x' }))
    client.send(call('two', 'status'))
    ;(await bench.verbs.nth(1)).answer({ second: true })
    expect(await client.next()).toEqual({ jsonrpc: '2.0', id: 'two', result: { second: true } })
    const first = await bench.verbs.nth(0)
    expect(first.input).toMatchObject({ prompt: 'one', cd: '/x', sandbox: 'read-only', wait_ms: 600_000 })
    expect(first.options.caller).toEqual(caller)
    first.answer({ first: true })
    expect(await client.next()).toEqual({ jsonrpc: '2.0', id: 1, result: { first: true } })
  })

  it('passes events of a call to those who follow, and to nobody else', async () => {
    const client = await connect()
    client.send(call(1, 'ask', { prompt: 'one', cd: '/x' }, { events: true }))
    client.send(call(2, 'ask', { prompt: 'two', cd: '/x' }))
    const [first, second] = [await bench.verbs.nth(0), await bench.verbs.nth(1)]
    expect(second.options.onEvent).toBeUndefined()
    first.options.onEvent?.(wireEvent(1))
    first.options.onEvent?.(wireEvent(2))
    first.answer({ done: true })
    const followed = [await client.next(), await client.next(), await client.next()]
    first.options.onEvent?.(wireEvent(3))
    second.answer({ done: true })
    expect([...followed, await client.next()]).toEqual([
      { jsonrpc: '2.0', method: 'event', params: { call: 1, event: wireEvent(1) } },
      { jsonrpc: '2.0', method: 'event', params: { call: 1, event: wireEvent(2) } },
      { jsonrpc: '2.0', id: 1, result: { done: true } },
      { jsonrpc: '2.0', id: 2, result: { done: true } },
    ])
  })

  it('ends the waiting of one call on detach, and leaves the others', async () => {
    const client = await connect()
    client.send(call(1, 'wait', { turn_id: 't' }))
    client.send(call(2, 'wait', { turn_id: 't' }))
    const [first, second] = [await bench.verbs.nth(0), await bench.verbs.nth(1)]
    client.send({ jsonrpc: '2.0', method: 'detach', params: { id: 1 } })
    client.send({ jsonrpc: '2.0', method: 'detach', params: { id: 99 } })
    expect(await client.next()).toMatchObject({ id: 1, ...errorOf(-32005, 'CANCELLED') })
    expect([first.options.signal?.aborted, second.options.signal?.aborted]).toEqual([true, false])
  })

  it.each([
    ['invalid', -32602],
    ['denied', -32001],
    ['missing', -32002],
    ['conflict', -32003],
    ['busy', -32004],
    ['unavailable', -32005],
    ['timeout', -32006],
    ['bug', -32603],
  ] as const)('answers a failure of kind %s with %i and our shape', async (kind, code) => {
    const client = await connect()
    client.send(call(1, 'status'))
    ;(await bench.verbs.nth(0)).fail(new AppError('WHAT', kind, 'it failed', { hint: 'do this', data: { n: 1 } }))
    expect(await client.next()).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: {
        code,
        message: 'it failed',
        data: { code: 'WHAT', kind, message: 'it failed', hint: 'do this', data: { n: 1 } },
      },
    })
  })

  it('answers an error that is no AppError, and a result that is not JSON, as faults of ours', async () => {
    const client = await connect()
    client.send(call(1, 'status'))
    ;(await bench.verbs.nth(0)).fail(new TypeError('oops'))
    expect(await client.next()).toMatchObject({ id: 1, ...errorOf(-32603, 'BUG') })
    client.send(call(2, 'status'))
    ;(await bench.verbs.nth(1)).answer({ big: 1n })
    expect(await client.next()).toMatchObject({ id: 2, ...errorOf(-32603, 'BUG') })
  })
})
