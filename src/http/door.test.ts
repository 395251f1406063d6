import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError, createFakeClock } from '#kernel'
import { turnAnswer, wireEvent } from '../../test/support/fake-daemon.ts'
import { boundedVerbs } from './index.ts'
import { bearer, eventsOf, openTestDoor, token } from './test-harness.ts'
import type { AddressInfo } from 'node:net'
import type { Clock } from '#kernel'
import type { TestDoor } from './test-harness.ts'

let test: TestDoor
beforeEach(async () => void (test = await openTestDoor()))
afterEach(() => test[Symbol.asyncDispose]())

interface Refusal {
  readonly error: { readonly code: string; readonly kind: string; readonly message: string; readonly hint?: string }
}
const refusal = async (answer: Response): Promise<readonly [number, string]> => [
  answer.status,
  ((await answer.json()) as Refusal).error.code,
]

describe('a request to a verb', () => {
  it('gives members of path and query the types of the schema, and answers JSON', async () => {
    const asked = test.get('/v1/events?turn_id=turn_1&cursor=7&limit=3&wait_ms=0', {
      ...bearer,
      'user-agent': 'curl/8',
    })
    const call = await test.verbs.nth(0)
    call.answer({ events: [], cursor: 7, has_more: false })
    expect(call.verb).toBe('events')
    expect(call.input).toEqual({ turn_id: 'turn_1', cursor: 7, limit: 3, wait_ms: 0, follow: false })
    expect(call.options.caller).toEqual({ door: 'http', client: 'curl/8' })
    const answer = await asked
    expect(answer.headers.get('content-type')).toContain('application/json')
    expect(await answer.json()).toEqual({ events: [], cursor: 7, has_more: false })
  })

  it('takes members from path and body, and who asks from the headers', async () => {
    const asked = test.post(
      '/v1/turns/turn_%C3%A4/steer',
      { message: 'mind the gap' },
      { 'tandem-project-dir': '/h%C3%B6me/p', 'tandem-claude-session': 's-1' },
    )
    const call = await test.verbs.nth(0)
    call.answer(turnAnswer())
    expect([call.verb, call.input]).toEqual(['steer', { turn_id: 'turn_ä', message: 'mind the gap' }])
    expect(call.options.caller).toMatchObject({ project_dir: '/höme/p', claude_session_id: 's-1' })
    expect((await asked).status).toBe(200)
  })

  it.each([
    ['a variable that nobody filled in', '${CLAUDE_PROJECT_DIR}'],
    ['a lone percent sign', '/100%'],
    ['bytes that are no UTF-8', '/%ff'],
    ['too much', 'x'.repeat(4097)],
    ['nothing', ''],
  ])('is of nobody in particular when the header that says it has %s, as over MCP', async (_, value) => {
    const asked = test.get('/v1/status', { ...bearer, 'user-agent': 'x', 'tandem-project-dir': value })
    const call = await test.verbs.nth(0)
    call.answer()
    expect((await asked).status).toBe(200)
    expect(call.options.caller).toEqual({ door: 'http', client: 'x' })
  })

  it('takes the key from its header; two that differ are refused', async () => {
    const body = { prompt: 'x', cd: '/p' }
    void test.post('/v1/turns', body, { 'idempotency-key': 'k1' })
    const call = await test.verbs.nth(0)
    call.answer(turnAnswer())
    expect(call.input).toMatchObject({ prompt: 'x', idempotency_key: 'k1', wait_ms: 600_000 })
    const twice = test.post('/v1/turns', { ...body, idempotency_key: 'k2' }, { 'idempotency-key': 'k1' })
    expect(await refusal(await twice)).toEqual([400, 'INPUT_INVALID'])
    expect(await refusal(await test.post('/v1/turns/turn_1/steer', { turn_id: 'turn_2', message: 'x' }))).toEqual([
      400,
      'INPUT_INVALID',
    ])
    expect(test.verbs.calls).toHaveLength(1)
  })

  it.each([
    ['a member that is unknown', '/v1/threads?colour=red', 'colour'],
    ['a number that is none', '/v1/threads?limit=many', 'limit'],
    ['a number that is too large for one', '/v1/threads?limit=99999999999999999999', 'limit'],
    ['a flag that is none', '/v1/threads?archived=perhaps', 'archived'],
    ['a member that is there twice', '/v1/threads?limit=1&limit=2', 'limit'],
    ['a name that objects have of themselves', '/v1/threads?__proto__=1', '__proto__'],
  ])('is refused by the schema with %s', async (_, path, member) => {
    const answer = await test.get(path)
    const { error } = (await answer.json()) as Refusal
    expect([answer.status, error.code]).toEqual([400, 'INPUT_INVALID'])
    expect(error.message).toContain(member)
    // Where a program finds it that has no command line.
    expect(error.hint).toMatch(/^\/docs and \/openapi\.json say what GET \/v1\/\w+ takes$/)
    expect(test.verbs.calls).toEqual([])
  })

  it.each([
    ['invalid', 400],
    ['denied', 403],
    ['missing', 404],
    ['conflict', 409],
    ['busy', 429],
    ['bug', 500],
    ['unavailable', 503],
    ['timeout', 504],
  ] as const)('that fails as %s is answered with %i', async (kind, status) => {
    const asked = test.get('/v1/status')
    const call = await test.verbs.nth(0)
    call.fail(new AppError('CODE_X', kind, 'it failed', { hint: 'do that', data: { n: 1 } }))
    const answer = await asked
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual({
      error: { code: 'CODE_X', kind, message: 'it failed', hint: 'do that', data: { n: 1 } },
    })
  })

  it('whose client leaves is detached', async () => {
    const left = new AbortController()
    const asked = fetch(`${test.door.url}/v1/turns/turn_1/wait`, {
      method: 'POST',
      headers: bearer,
      signal: left.signal,
    }).catch(() => 'gone')
    const call = await test.verbs.nth(0)
    const detached = once(call.options.signal ?? new EventTarget(), 'abort')
    left.abort()
    await detached
    expect(await asked).toBe('gone')
  })

  it('has a place among a number of others that is bounded', async () => {
    const open = Array.from({ length: test.limits.maxCalls }, () => test.get('/v1/status'))
    await test.verbs.nth(test.limits.maxCalls - 1)
    expect(await refusal(await test.get('/v1/status'))).toEqual([429, 'HTTP_TOO_MANY_CALLS'])
    for (const call of test.verbs.calls) call.answer()
    await Promise.all(open)
    const again = test.get('/v1/status')
    ;(await test.verbs.nth(test.limits.maxCalls)).answer()
    expect((await again).status).toBe(200)
  })
})

describe('calls that come by another protocol', () => {
  it('are bounded, too, and a place is free again when one was answered or given up', async () => {
    const bounded = boundedVerbs(test.verbs, 2)
    const given = new AbortController()
    const ask = (more: object = {}) => bounded.call('status', {}, { caller: { door: 'mcp' }, ...more })
    const [first, second] = [ask(), ask({ signal: given.signal })]
    await expect(ask()).rejects.toMatchObject({ code: 'HTTP_TOO_MANY_CALLS', kind: 'busy' })
    given.abort()
    await expect(second).rejects.toMatchObject({ code: 'CANCELLED' })
    const third = ask()
    for (const call of test.verbs.calls) call.answer({ ok: 1 })
    expect(await Promise.all([first, third])).toHaveLength(2)
  })
})

describe('a route', () => {
  it('that does not exist, or does not take the method, says so', async () => {
    expect(await refusal(await test.get('/v1/nothing'))).toEqual([404, 'HTTP_ROUTE_UNKNOWN'])
    for (const [path, method, allow] of [
      ['/v1/status', 'POST', 'GET'],
      ['/v1/turns', 'DELETE', 'POST, GET'],
      ['/v1/status', 'HEAD', 'GET'],
      ['/v1/turns/x/wait', 'GET', 'POST'],
      ['/v1/turns', 'OPTIONS', 'POST, GET'],
      ['/mcp', 'PUT', 'GET, POST, DELETE'],
      ['/healthz', 'POST', 'GET, HEAD'],
    ] as const) {
      const answer = await fetch(`${test.door.url}${path}`, { method, headers: bearer })
      expect([path, method, answer.status, answer.headers.get('allow')]).toEqual([path, method, 405, allow])
      expect([...answer.headers.keys()].filter(name => name.startsWith('access-control'))).toEqual([])
    }
    expect(test.verbs.calls).toEqual([])
  })

  it('of health and readiness is open, and tells nothing else', async () => {
    const told = async (path: string): Promise<unknown[]> => {
      const answer = await test.get(path, {})
      return [answer.status, await answer.text()]
    }
    expect(await told('/healthz')).toEqual([200, 'ok\n'])
    expect(await told('/readyz')).toEqual([200, 'ok\n'])
    test.isReady = false
    expect(await told('/readyz')).toEqual([503, 'not ok\n'])
    await using broken = await openTestDoor({ isReady: () => Promise.reject(new Error('secret reason')) })
    const answer = await broken.get('/readyz', {})
    expect([answer.status, await answer.text()]).toEqual([503, 'not ok\n'])
    expect((await fetch(`${test.door.url}/healthz`, { method: 'HEAD' })).status).toBe(200)
  })

  it('of MCP is for those with the token', async () => {
    expect((await test.get('/mcp', {})).status).toBe(401)
    expect(await (await test.get('/mcp')).text()).toBe('mcp got GET')
  })

  it('of the page loads nothing from elsewhere and runs nothing that is written into it', async () => {
    const page = await test.get('/docs', {})
    const text = await page.text()
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/)
    expect(text).not.toMatch(/https?:|<script>|onload|style=/)
    const parts = Array.from(text.matchAll(/(?:href|src)="([^"]+)"/g), ([, path = '']) => path)
    expect(parts).toHaveLength(3)
    for (const path of parts) {
      const part = await test.get(path, {})
      expect([path, part.status, (await part.text()).length > 100]).toEqual([path, 200, true])
    }
    for (const path of ['/docs/package.json', '/docs/..%2f..%2fpackage.json', '/docs/constructor'])
      expect((await test.get(path, {})).status).toBe(404)
  })
})

describe('a body', () => {
  const deep = (levels: number): string =>
    `{"prompt":"x","cd":"/p","output_schema":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`

  it('may have a schema as deep as schemas are', async () => {
    const asked = test.post('/v1/turns', deep(100))
    ;(await test.verbs.nth(0)).answer(turnAnswer())
    expect((await asked).status).toBe(200)
  })

  it('of which no depth is a fault of ours', async () => {
    await using large = await openTestDoor({ limits: { ...test.limits, maxBodyBytes: 8_000_000 } })
    expect(await refusal(await large.post('/v1/turns', deep(1_000_000)))).toEqual([400, 'INPUT_INVALID'])
    expect(large.logged).toEqual([])
  })

  it.each([
    ['without a type', '{}', { 'content-type': '' }, 415, 'HTTP_BODY_TYPE'],
    ['of another type', '{}', { 'content-type': 'text/plain' }, 415, 'HTTP_BODY_TYPE'],
    [
      'of a type that only contains ours',
      '{}',
      { 'content-type': 'text/plain; a=application/json' },
      415,
      'HTTP_BODY_TYPE',
    ],
    ['that is not JSON', '{"prompt": ', {}, 400, 'HTTP_BODY_MALFORMED'],
    ['that is a list', '[1]', {}, 400, 'HTTP_BODY_MALFORMED'],
    ['that is null', 'null', {}, 400, 'HTTP_BODY_MALFORMED'],
    ['that is nested deeply', `{"prompt":${'['.repeat(40_000)}${']'.repeat(40_000)}}`, {}, 400, 'INPUT_INVALID'],
    ['that would be a prototype', '{"prompt":"x","cd":"/p","__proto__":{"yolo":true}}', {}, 400, 'INPUT_INVALID'],
    ['that is empty where members are needed', '', {}, 400, 'INPUT_INVALID'],
    ['with a schema that is nested deeply', deep(16_000), {}, 400, 'INPUT_INVALID'],
    ['with a schema that is nested a little too deeply', deep(101), {}, 400, 'INPUT_INVALID'],
  ])('%s is refused', async (_, body, headers, ...refused) => {
    expect(await refusal(await test.post('/v1/turns', body, headers))).toEqual(refused)
    expect(test.verbs.calls).toEqual([])
  })

  it('is where the members of a POST stand: what is in the query would be lost', async () => {
    const answer = await test.post('/v1/turns?sandbox=read-only', { prompt: 'x', cd: '/p' })
    expect(await refusal(answer)).toEqual([400, 'HTTP_REQUEST_MALFORMED'])
    expect(test.verbs.calls).toEqual([])
  })

  it('that is not UTF-8 is refused', async () => {
    const body = Buffer.concat([Buffer.from('{"prompt":"'), Buffer.from([0xff, 0xfe]), Buffer.from('","cd":"/p"}')])
    const headers = { ...bearer, 'content-type': 'application/json' }
    const answer = await fetch(`${test.door.url}/v1/turns`, { method: 'POST', headers, body })
    expect(await refusal(answer)).toEqual([400, 'HTTP_BODY_MALFORMED'])
  })

  it('that is too long is refused by its length, or as soon as it is', async () => {
    const long = JSON.stringify({ prompt: 'x'.repeat(200_000), cd: '/p' })
    expect(await refusal(await test.post('/v1/turns', long))).toEqual([413, 'HTTP_BODY_TOO_LARGE'])
    const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`
    const head = `POST /v1/turns HTTP/1.1\r\nHost: 127.0.0.1:${test.door.port}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`
    // No end of it ever comes.
    expect(await test.raw(head + chunk.repeat(30))).toMatch(/^HTTP\/1\.1 413 /)
    expect(test.verbs.calls).toEqual([])
  })
})

describe('slow clients', () => {
  it('get no more time for headers and body than there is', async () => {
    await using slow = await openTestDoor({ limits: { ...test.limits, headersTimeoutMs: 300, requestTimeoutMs: 600 } })
    const host = `Host: 127.0.0.1:${slow.door.port}`
    expect(await slow.raw(`GET /healthz HTTP/1.1\r\n${host}\r\nX-Slow: `)).toMatch(/^HTTP\/1\.1 408 /)
    const body = `POST /v1/turns HTTP/1.1\r\n${host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"pro`
    await slow.raw(body)
    expect(slow.verbs.calls).toEqual([])
    expect(slow.door.calls).toBe(0)
    expect(slow.logged).toEqual([])
  })

  it('that read nothing of a stream are cut at the bound, and the call is detached', async () => {
    const socket = createConnection({ host: '127.0.0.1', port: test.door.port })
    socket.pause()
    socket.on('error', () => undefined)
    socket.write(
      `GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${test.door.port}\r\nAuthorization: Bearer ${token}\r\nAccept: text/event-stream\r\n\r\n`,
    )
    const call = await test.verbs.nth(0)
    const signal = call.options.signal ?? new AbortController().signal
    let sent = 0
    // What the kernel takes comes first; then what waits is bounded.
    while (!signal.aborted && sent < 100_000) {
      sent += 1
      call.options.onEvent?.(wireEvent(sent, 'x'.repeat(5000)))
      if (sent % 20 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    expect(signal.aborted).toBe(true)
    expect(test.logged).toContain('a client does not read its events: its connection is closed')
    await expect.poll(() => test.door.clients).toBe(0)
    socket.destroy()
  })

  it('that take nothing of an answer are cut', async () => {
    await using slow = await openTestDoor({ limits: { ...test.limits, stallMs: 100 } })
    const socket = createConnection({ host: '127.0.0.1', port: slow.door.port })
    socket.pause()
    socket.on('error', () => undefined)
    socket.write(
      `GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1:${slow.door.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    )
    ;(await slow.verbs.nth(0)).answer({ text: 'x'.repeat(30_000_000) })
    await expect.poll(() => slow.door.clients, { timeout: 10_000 }).toBe(0)
    expect(slow.logged).toContain('an HTTP client takes nothing: its connection is closed')
    socket.destroy()
  })

  it('that are too many are turned away, and are no harm to those that are there', async () => {
    await using small = await openTestDoor({ limits: { ...test.limits, maxConnections: 2 } })
    const sockets = [1, 2, 3].map(() => createConnection({ host: '127.0.0.1', port: small.door.port }))
    const ends = sockets.map(socket => once(socket, 'close').then(() => 'closed'))
    expect(await Promise.race(ends)).toBe('closed')
    expect(small.door.clients).toBe(2)
    for (const socket of sockets) socket.destroy()
    await expect.poll(() => small.door.clients).toBe(0)
    expect((await small.get('/healthz')).status).toBe(200)
  })
})

describe('a stream of events', () => {
  const sse = { ...bearer, accept: 'text/event-stream' }

  it('has each event with its seq and kind, and the answer at the end', async () => {
    const asked = test.post(
      '/v1/turns',
      { prompt: 'x', cd: '/p' },
      { accept: 'application/json, text/event-stream;q=0.9' },
    )
    const call = await test.verbs.nth(0)
    const response = await asked
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    call.options.onEvent?.(wireEvent(4, 'one\n\nevent: forged'))
    call.options.onEvent?.(wireEvent(9))
    call.answer(turnAnswer())
    expect(await Array.fromAsync(eventsOf(response))).toEqual([
      { id: '4', event: 'message', data: wireEvent(4, 'one\n\nevent: forged') },
      { id: '9', event: 'message', data: wireEvent(9) },
      { event: 'answer', data: turnAnswer() },
    ])
  })

  it('ends with the error of a call that fails, which was refused before it began when the input is wrong', async () => {
    const asked = test.post('/v1/turns/t/wait', {}, { accept: 'text/event-stream' })
    const call = await test.verbs.nth(0)
    call.fail(new AppError('TURN_UNKNOWN', 'missing', 'no turn t'))
    expect(await Array.fromAsync(eventsOf(await asked))).toEqual([
      { event: 'error', data: { error: { code: 'TURN_UNKNOWN', kind: 'missing', message: 'no turn t' } } },
    ])
    expect(await refusal(await test.get('/v1/events?cursor=x', sse))).toEqual([400, 'INPUT_INVALID'])
  })

  it('of events follows from the cursor; where a reader was cut wins over where it began', async () => {
    const first = await test.get('/v1/events?cursor=3', sse)
    expect((await test.verbs.nth(0)).input).toMatchObject({ follow: true, cursor: 3 })
    const again = await test.get('/v1/events?cursor=3', { ...sse, 'last-event-id': '12' })
    expect((await test.verbs.nth(1)).input).toMatchObject({ follow: true, cursor: 12 })
    for (const response of [first, again]) await response.body?.cancel()
    await expect.poll(() => test.verbs.calls.every(call => call.options.signal?.aborted)).toBe(true)
    expect(await refusal(await test.get('/v1/events?follow=true'))).toEqual([400, 'HTTP_STREAM_NEEDED'])
  })

  it('is none for a verb that has no events', async () => {
    const asked = test.get('/v1/status', sse)
    ;(await test.verbs.nth(0)).answer({ ok: 1 })
    expect((await asked).headers.get('content-type')).toContain('application/json')
  })
})

describe('the end of the door', () => {
  it('answers whoever waits, ends the streams, and leaves nothing open', async () => {
    const waiting = test.get('/v1/status')
    await test.verbs.nth(0)
    const streaming = await test.get('/v1/events', { ...bearer, accept: 'text/event-stream' })
    await test.verbs.nth(1)
    const idle = createConnection({ host: '127.0.0.1', port: test.door.port })
    await once(idle, 'connect')
    await test.door[Symbol.asyncDispose]()
    expect(await refusal(await waiting)).toEqual([503, 'DAEMON_STOPPING'])
    expect(await Array.fromAsync(eventsOf(streaming))).toMatchObject([
      { event: 'error', data: { error: { code: 'DAEMON_STOPPING' } } },
    ])
    expect(test.verbs.calls.every(call => call.options.signal?.aborted)).toBe(true)
    await expect(test.get('/healthz')).rejects.toThrow('fetch failed')
    idle.destroy()
  })

  it('is not its beginning: a port that is taken is an error with a cure', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    let timers = 0
    const clock: Clock = {
      ...createFakeClock(),
      after() {
        timers += 1
        return { [Symbol.dispose]: () => void (timers -= 1) }
      },
    }
    await expect(openTestDoor({ port, clock })).rejects.toMatchObject({
      code: 'HTTP_PORT_TAKEN',
      hint: expect.stringContaining(`:${port}`),
    })
    // Nothing of it is left.
    expect(timers).toBe(0)
    other.close()
    await using _door = await openTestDoor({ clock })
    expect(timers).toBe(1)
  })
})
