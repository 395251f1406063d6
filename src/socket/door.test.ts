import { once } from 'node:events'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '#kernel'
import { createFakeVerbs, startTestDoor, tempPlaces, testLimits, wireEvent } from '../../test/support/fake-daemon.ts'
import { connectRaw } from '../../test/support/raw-client.ts'
import type { SocketDoor } from '#socket'
import type { FakeVerbs } from '../../test/support/fake-daemon.ts'
import type { RawClient } from '../../test/support/raw-client.ts'

let temp: ReturnType<typeof tempPlaces>
let verbs: FakeVerbs
let door: SocketDoor
const clients: RawClient[] = []
let path = ''

async function start(more: Parameters<typeof startTestDoor>[2] = {}): Promise<void> {
  temp = tempPlaces()
  path = temp.places.socketPath
  mkdirSync(temp.places.runtimeDir, { recursive: true, mode: 0o700 })
  verbs = createFakeVerbs()
  door = await startTestDoor(path, verbs, more)
}
beforeEach(() => start())
afterEach(async () => {
  for (const client of clients.splice(0)) client[Symbol.dispose]()
  await door[Symbol.asyncDispose]()
  temp[Symbol.dispose]()
})

async function restart(more: Parameters<typeof startTestDoor>[2]): Promise<void> {
  await door[Symbol.asyncDispose]()
  temp[Symbol.dispose]()
  await start(more)
}

async function connect(options: { readonly greet?: boolean } = {}): Promise<RawClient> {
  const client = await connectRaw(path)
  clients.push(client)
  if (options.greet ?? true) await client.hello()
  return client
}

const caller = { door: 'cli' }
const call = (id: number | string, method: string, input: object = {}, more: object = {}): object => ({
  jsonrpc: '2.0',
  id,
  method,
  params: { input, caller, ...more },
})
const errorOf = (code: number, name: string): object => ({
  error: expect.objectContaining({ code, data: expect.objectContaining({ code: name }) }),
})

/** Another client still gets an answer: what the bad one did hurt nobody else. */
async function answerOfAnother(): Promise<unknown> {
  const client = await connect()
  const index = verbs.calls.length
  client.send(call(1, 'status'))
  ;(await verbs.nth(index)).answer({ fine: true })
  const answer = await client.next()
  client[Symbol.dispose]()
  return answer
}
const alive = { jsonrpc: '2.0', id: 1, result: { fine: true } }

describe('the socket door', () => {
  it('is for its owner alone, and gone when it is closed', async () => {
    expect(statSync(path).mode & 0o777).toBe(0o600)
    await door[Symbol.asyncDispose]()
    expect(existsSync(path)).toBe(false)
  })

  it('says why it cannot listen', async () => {
    await expect(startTestDoor(`${temp.root}/missing/x.sock`, verbs)).rejects.toMatchObject({
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
    ;(await verbs.nth(1)).answer({ second: true })
    expect(await client.next()).toEqual({ jsonrpc: '2.0', id: 'two', result: { second: true } })
    const first = await verbs.nth(0)
    expect(first.input).toMatchObject({ prompt: 'one', cd: '/x', sandbox: 'read-only', wait_ms: 600_000 })
    expect(first.options.caller).toEqual(caller)
    first.answer({ first: true })
    expect(await client.next()).toEqual({ jsonrpc: '2.0', id: 1, result: { first: true } })
  })

  it('passes events of a call to those who follow, and to nobody else', async () => {
    const client = await connect()
    client.send(call(1, 'ask', { prompt: 'one', cd: '/x' }, { events: true }))
    client.send(call(2, 'ask', { prompt: 'two', cd: '/x' }))
    const [first, second] = [await verbs.nth(0), await verbs.nth(1)]
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
    const [first, second] = [await verbs.nth(0), await verbs.nth(1)]
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
    ;(await verbs.nth(0)).fail(new AppError('WHAT', kind, 'it failed', { hint: 'do this', data: { n: 1 } }))
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
    ;(await verbs.nth(0)).fail(new TypeError('oops'))
    expect(await client.next()).toMatchObject({ id: 1, ...errorOf(-32603, 'BUG') })
    client.send(call(2, 'status'))
    ;(await verbs.nth(1)).answer({ big: 1n })
    expect(await client.next()).toMatchObject({ id: 2, ...errorOf(-32603, 'BUG') })
  })
})

describe('the socket door and bad frames', () => {
  it.each([
    ['nonsense', 'hello?', -32700, 'SOCKET_FRAME_MALFORMED'],
    [
      'lists in lists without end',
      `{"jsonrpc":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
      -32700,
      'SOCKET_FRAME_MALFORMED',
    ],
    ['half an object', '{"jsonrpc": "2.0",', -32700, 'SOCKET_FRAME_MALFORMED'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), -32700, 'SOCKET_FRAME_MALFORMED'],
    ['a number', '7', -32600, 'SOCKET_FRAME_WRONG'],
    ['null', 'null', -32600, 'SOCKET_FRAME_WRONG'],
    ['a batch', '[{"jsonrpc":"2.0","id":1,"method":"status"}]', -32600, 'SOCKET_FRAME_WRONG'],
    ['no jsonrpc', '{"id":1,"method":"status"}', -32600, 'SOCKET_FRAME_WRONG'],
    ['an old jsonrpc', '{"jsonrpc":"1.0","id":1,"method":"status"}', -32600, 'SOCKET_FRAME_WRONG'],
    ['no method', '{"jsonrpc":"2.0","id":1}', -32600, 'SOCKET_FRAME_WRONG'],
    ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"status"}', -32600, 'SOCKET_FRAME_WRONG'],
    ['a verb without an id', '{"jsonrpc":"2.0","method":"status"}', -32600, 'SOCKET_FRAME_WRONG'],
    ['an unknown method', '{"jsonrpc":"2.0","id":1,"method":"constructor"}', -32601, 'SOCKET_UNKNOWN_METHOD'],
    ['params without caller', '{"jsonrpc":"2.0","id":1,"method":"status","params":{}}', -32602, 'INPUT_INVALID'],
    ['params that are a list', '{"jsonrpc":"2.0","id":1,"method":"status","params":[]}', -32602, 'INPUT_INVALID'],
    ['a detach without id', '{"jsonrpc":"2.0","method":"detach"}', -32602, 'INPUT_INVALID'],
  ])('answers %s with a code, and the connection goes on', async (_, line, code, name) => {
    const client = await connect()
    client.write(Buffer.concat([Buffer.from(line), Buffer.from('\n')]))
    expect(await client.next()).toMatchObject(errorOf(code, name))
    client.send(call(5, 'status'))
    ;(await verbs.nth(0)).answer({ ok: 1 })
    expect(await client.next()).toMatchObject({ id: 5, result: { ok: 1 } })
  })

  it('lists the methods that there are', async () => {
    const client = await connect()
    client.send(call(1, 'nope'))
    const { error } = await client.next()
    expect(error).toMatchObject({ data: { hint: expect.stringContaining('hello, detach, ask, wait') } })
  })

  it('names the member of the input that is wrong', async () => {
    const client = await connect()
    client.send(call(1, 'ask', { prompt: '', cd: '/x', sandbx: 'read-only' }))
    const { error } = await client.next()
    expect(error).toMatchObject({
      code: -32602,
      message: expect.stringMatching(/prompt: the prompt is empty.*sandbx/s),
    })
    expect(verbs.calls).toEqual([])
  })

  it('wants hello first', async () => {
    const client = await connect({ greet: false })
    client.send(call(1, 'status'))
    expect(await client.next()).toMatchObject({ id: 1, ...errorOf(-32600, 'SOCKET_FRAME_WRONG') })
    expect(await client.hello()).toMatchObject({ result: { protocol: 1 } })
  })

  it('refuses another protocol clearly, and still takes the shutdown that an upgrade needs', async () => {
    const client = await connect({ greet: false })
    client.send({ jsonrpc: '2.0', id: 1, method: 'hello', params: { protocol: 9, version: '9.0.0', client: 'new' } })
    expect(await client.next()).toMatchObject({
      id: 1,
      error: {
        code: -32003,
        data: { code: 'DAEMON_PROTOCOL', data: { protocol: 1, version: '1.0.0', can_upgrade: true } },
      },
    })
    client.send(call(2, 'status'))
    expect(await client.next()).toMatchObject({ id: 2, ...errorOf(-32600, 'SOCKET_FRAME_WRONG') })
    client.send(call(3, 'shutdown', { reason: 'upgrade' }))
    ;(await verbs.nth(0)).answer({ pid: 1, running: 0 })
    expect(await client.next()).toMatchObject({ id: 3, result: { pid: 1 } })
  })

  it('refuses an id that waits already', async () => {
    const client = await connect()
    client.send(call(1, 'status'))
    client.send(call(1, 'status'))
    expect(await client.next()).toMatchObject({ id: 1, ...errorOf(-32600, 'SOCKET_FRAME_WRONG') })
  })

  it('answers a line that is too long, and closes', async () => {
    const client = await connect()
    client.write('x'.repeat(testLimits.maxFrameBytes + 1))
    expect(await client.rest()).toEqual([
      expect.objectContaining({ id: null, ...errorOf(-32600, 'SOCKET_FRAME_TOO_LARGE') }),
    ])
    expect(await answerOfAnother()).toEqual(alive)
  })

  it('takes a line that is exactly as long as allowed', async () => {
    const client = await connect()
    const frame = JSON.stringify(call(1, 'status'))
    client.write(`${frame}${' '.repeat(testLimits.maxFrameBytes - frame.length)}\n`)
    ;(await verbs.nth(0)).answer({ ok: 1 })
    expect(await client.next()).toMatchObject({ id: 1, result: { ok: 1 } })
  })

  it('takes frames in any pieces', async () => {
    const client = await connect()
    const bytes = Buffer.from(`\n\r\n${JSON.stringify(call('ü', 'ask', { prompt: '日本語', cd: '/x' }))}\r\n`)
    for (const byte of bytes) {
      client.write(Buffer.of(byte))
      await new Promise(resolve => void setImmediate(resolve))
    }
    const asked = await verbs.nth(0)
    expect(asked.input['prompt']).toBe('日本語')
    asked.answer({ ok: 1 })
    expect(await client.next()).toMatchObject({ id: 'ü' })
  })

  it('answers half a frame at the end of a connection', async () => {
    const client = await connect({ greet: false })
    client.socket.end('{"jsonrpc": "2.0", "id": 1, "met')
    expect(await client.rest()).toEqual([expect.objectContaining(errorOf(-32700, 'SOCKET_FRAME_MALFORMED'))])
    expect(await answerOfAnother()).toEqual(alive)
  })

  it('survives noise, and clients that vanish in it', async () => {
    for (let round = 0; round < 20; round += 1) {
      const client = await connect({ greet: round % 2 === 0 })
      client.write(Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 7919 + round * 131) % 256)))
      if (round % 3 === 0) client.socket.end()
      if (round % 3 === 1) client.socket.destroy()
    }
    expect(await answerOfAnother()).toEqual(alive)
  })

  it('closes a connection that says nothing', async () => {
    await restart({ limits: { ...testLimits, helloTimeoutMs: 30 } })
    const client = await connect({ greet: false })
    client.write('{"half":')
    expect(await client.rest()).toEqual([expect.objectContaining(errorOf(-32006, 'SOCKET_HELLO_TIMEOUT'))])
  })
})

describe('the socket door and its bounds', () => {
  it('turns away more clients than allowed, with a reason', async () => {
    await restart({ limits: { ...testLimits, maxClients: 3 } })
    const [first] = [await connect(), await connect(), await connect()]
    expect(door.clients).toBe(3)
    const fourth = await connect({ greet: false })
    expect(await fourth.rest()).toEqual([expect.objectContaining(errorOf(-32004, 'SOCKET_TOO_MANY_CLIENTS'))])
    first.socket.destroy()
    await expect.poll(() => door.clients).toBe(2)
    expect(await answerOfAnother()).toEqual(alive)
  })

  it('refuses more open calls of a client, and of all, than allowed', async () => {
    await restart({ limits: { ...testLimits, maxCallsPerClient: 3, maxCalls: 4 } })
    const [one, two] = [await connect(), await connect()]
    for (const id of [1, 2, 3, 4]) one.send(call(id, 'status'))
    expect(await one.next()).toMatchObject({ id: 4, ...errorOf(-32004, 'SOCKET_TOO_MANY_CALLS') })
    for (const id of [1, 2]) two.send(call(id, 'status'))
    expect(await two.next()).toMatchObject({ id: 2, error: { message: expect.stringContaining('all clients') } })
    ;(await verbs.nth(0)).answer()
    await one.next()
    two.send(call(3, 'status'))
    ;(await verbs.nth(4)).answer({ ok: 1 })
    expect(await two.next()).toMatchObject({ id: 3, result: { ok: 1 } })
  })

  it('closes a client that does not read, and nobody else', async () => {
    const slow = await connect()
    slow.socket.pause()
    slow.send(call(1, 'ask', { prompt: 'x', cd: '/x' }, { events: true }))
    const asked = await verbs.nth(0)
    for (let i = 0; i < 200 && asked.options.signal?.aborted === false; i += 1) {
      asked.options.onEvent?.(wireEvent(i, 'x'.repeat(20_000)))
      await new Promise(resolve => void setImmediate(resolve))
    }
    expect(asked.options.signal?.aborted).toBe(true)
    expect(await answerOfAnother()).toEqual(alive)
    expect(door.calls).toBe(0)
  })

  it('sends one answer that is longer than the bound', async () => {
    const client = await connect()
    client.send(call(1, 'status'))
    ;(await verbs.nth(0)).answer({ long: 'x'.repeat(testLimits.maxOutgoingBytes * 4) })
    expect(await client.next()).toMatchObject({ id: 1 })
  })

  it('serves many clients at once', async () => {
    const all = await Promise.all(Array.from({ length: 40 }, () => connect()))
    all.forEach((client, index) => client.send(call(index, 'result', { turn_id: `t${index}` })))
    await verbs.nth(39)
    for (const asked of verbs.calls) asked.answer({ for: asked.input['turn_id'] })
    const answers = await Promise.all(all.map(client => client.next()))
    expect(answers).toEqual(all.map((_, index) => ({ jsonrpc: '2.0', id: index, result: { for: `t${index}` } })))
  })
})

describe('the socket door and clients that leave', () => {
  it('detaches the calls of a client that closed or crashed', async () => {
    const client = await connect()
    client.send(call(1, 'ask', { prompt: 'x', cd: '/x' }))
    const asked = await verbs.nth(0)
    const left = once(asked.options.signal ?? new EventTarget(), 'abort')
    client.socket.destroy()
    await left
    await expect.poll(() => [door.clients, door.calls]).toEqual([0, 0])
  })

  it('still answers one that only ended its side', async () => {
    const client = await connect()
    client.send(call(1, 'status'))
    client.socket.end()
    const asked = await verbs.nth(0)
    await once(client.socket, 'data')
    expect(asked.options.signal?.aborted).toBe(false)
    asked.answer({ ok: 1 })
    expect(await client.rest()).toEqual([{ jsonrpc: '2.0', id: 1, result: { ok: 1 } }])
  })

  it('answers open calls when it closes', async () => {
    const client = await connect()
    client.send(call(1, 'wait', { turn_id: 't' }))
    await verbs.nth(0)
    await door[Symbol.asyncDispose]()
    expect(await client.rest()).toEqual([expect.objectContaining({ id: 1, ...errorOf(-32005, 'DAEMON_STOPPING') })])
  })

  it('takes no new work while it stops, but lets one look and wait', async () => {
    const client = await connect()
    door.stopAccepting('upgrade')
    client.send(call(1, 'ask', { prompt: 'x', cd: '/x' }))
    expect(await client.next()).toMatchObject({
      id: 1,
      error: { code: -32005, data: { code: 'DAEMON_STOPPING', data: { reason: 'upgrade' } } },
    })
    expect(await answerOfAnother()).toEqual(alive)
  })
})
