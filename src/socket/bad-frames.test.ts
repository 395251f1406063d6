import { describe, expect, it } from 'vitest'
import { testLimits } from '../../test/support/fake-daemon.ts'
import { alive, benchForEach, call, errorOf } from './test-harness.ts'

const bench = benchForEach()
const { answerOfAnother, connect, restart } = bench

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
    ;(await bench.verbs.nth(0)).answer({ ok: 1 })
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
    expect(bench.verbs.calls).toEqual([])
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
    ;(await bench.verbs.nth(0)).answer({ pid: 1, running: 0 })
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
    ;(await bench.verbs.nth(0)).answer({ ok: 1 })
    expect(await client.next()).toMatchObject({ id: 1, result: { ok: 1 } })
  })

  it('takes frames in any pieces', async () => {
    const client = await connect()
    const bytes = Buffer.from(`\n\r\n${JSON.stringify(call('ü', 'ask', { prompt: '日本語', cd: '/x' }))}\r\n`)
    for (const byte of bytes) {
      client.write(Buffer.of(byte))
      await new Promise(resolve => void setImmediate(resolve))
    }
    const asked = await bench.verbs.nth(0)
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
