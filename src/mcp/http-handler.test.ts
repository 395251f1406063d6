import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterEach, describe, expect, test } from 'vitest'
import { createFakeClock, silentLog } from '#kernel'
import { createFakeVerbs, turnAnswer, wireEvent } from '../../test/support/fake-daemon.ts'
import { createFixtureServer } from '../../test/support/mcp-fixture-server.ts'
import { createMcpHandler, createMcpServer, mcpCallerOf } from './index.ts'
import type { FakeVerbs } from '../../test/support/fake-daemon.ts'
import type { McpHandler, McpHandlerDeps } from './index.ts'

const handlers: McpHandler[] = []
afterEach(async () => {
  for (const handler of handlers.splice(0)) await handler[Symbol.asyncDispose]()
})

const url = 'http://127.0.0.1:1/mcp'
const accept = 'application/json, text/event-stream'

/** Whose connections are cut is noted. */
interface TestHandler extends McpHandler {
  handle(request: Request): Promise<Response>
}

function open(more: Partial<McpHandlerDeps> = {}) {
  const verbs = createFakeVerbs()
  const clock = createFakeClock()
  const cuts: string[] = []
  const made = createMcpHandler({
    createServer: request =>
      createMcpServer({ verbs, caller: mcpCallerOf(request.headers), version: '1', log: silentLog, clock }),
    maxBodyBytes: 10_000,
    log: silentLog,
    clock,
    ...more,
  })
  handlers.push(made)
  const handler: TestHandler = {
    handle: request => made.handle(request, () => void cuts.push(request.url)),
    [Symbol.asyncDispose]: () => made[Symbol.asyncDispose](),
    get sessions() {
      return made.sessions
    },
    get sessionsInUse() {
      return made.sessionsInUse
    },
  }
  return { handler, verbs, clock, cuts }
}

function post(handler: TestHandler, message: object | string, headers: Readonly<Record<string, string>> = {}) {
  return handler.handle(
    new Request(url, {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json', ...headers },
      body: typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message }),
    }),
  )
}

const hello = {
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
}

/** Begins a session; the headers of its requests. */
async function begin(handler: TestHandler, headers: Readonly<Record<string, string>> = {}) {
  const response = await post(handler, hello, headers)
  await response.text()
  const id = response.headers.get('mcp-session-id') ?? ''
  return { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
}

const call = (id: number, name: string, given: object = {}) => ({
  id,
  method: 'tools/call',
  params: { name, arguments: given },
})

async function refusal(response: Response): Promise<readonly [number, number]> {
  const { error } = (await response.json()) as { readonly error: { readonly code: number } }
  return [response.status, error.code]
}

/** The messages of a stream that ends, and the id of the last event. */
async function messagesIn(
  response: Response,
): Promise<{ readonly messages: readonly unknown[]; readonly last: string }> {
  const text = await response.text()
  const data = Array.from(text.matchAll(/^data: (.+)$/gm), ([, json = '']) => JSON.parse(json) as unknown)
  return { messages: data, last: Array.from(text.matchAll(/^id: (.+)$/gm), ([, id = '']) => id).at(-1) ?? '' }
}

const firstId = (chunk: Uint8Array | undefined): string =>
  /^id: (.+)$/m.exec(new TextDecoder().decode(chunk))?.[1] ?? ''

describe('a session', () => {
  test('is one server for one client: its calls say who asks and answer as over stdio', async () => {
    const { handler, verbs } = open()
    const fetched = (input: string | URL | Request, init?: RequestInit) => handler.handle(new Request(input, init))
    const client = new Client({ name: 'probe', version: '3' })
    const requestInit = { headers: { 'tandem-project-dir': '/h%C3%B6me', 'tandem-claude-session': 's-1' } }
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: fetched, requestInit }))
    const asked = client.callTool({ name: 'codex', arguments: { PROMPT: 'x', cd: '/p' } })
    const made = await verbs.nth(0)
    made.answer(turnAnswer())
    expect((await asked).structuredContent).toMatchObject({ SESSION_ID: 'thread-1', success: true })
    expect(made.options.caller).toEqual({
      door: 'mcp',
      client: 'probe/3',
      project_dir: '/höme',
      claude_session_id: 's-1',
    })
    await client.close()
  })

  test('is over after DELETE, and whoever still uses it is told to begin anew', async () => {
    const { handler } = open()
    const headers = await begin(handler)
    expect(handler.sessions).toBe(1)
    const ended = await handler.handle(new Request(url, { method: 'DELETE', headers }))
    expect([ended.status, handler.sessions]).toEqual([200, 0])
    expect(await refusal(await post(handler, { id: 2, method: 'ping' }, headers))).toEqual([404, -32_001])
  })

  test('is not begun by anything but a good initialize, of which nothing stays', async () => {
    const { handler } = open()
    const bad = [
      post(handler, { id: 2, method: 'tools/list' }),
      post(handler, 'no json'),
      post(handler, '['.repeat(9000)),
      post(handler, { ...hello, params: {} }),
      post(handler, JSON.stringify({ jsonrpc: '2.0', ...hello, more: 'x'.repeat(20_000) })),
      post(handler, hello, { 'content-type': 'text/plain' }),
      post(handler, hello, { accept: 'application/json' }),
      handler.handle(new Request(url, { headers: { accept } })),
      handler.handle(new Request(url, { method: 'DELETE' })),
    ]
    const statuses = (await Promise.all(bad)).map(response => response.status)
    expect(statuses).toEqual([400, 400, 400, 400, 413, 415, 406, 400, 400])
    expect(handler.sessions).toBe(0)
  })

  test('refuses a protocol that it does not speak', async () => {
    const { handler } = open()
    const headers = { ...(await begin(handler)), 'mcp-protocol-version': '1999-01-01' }
    expect((await post(handler, { id: 2, method: 'ping' }, headers)).status).toBe(400)
  })

  test('does not see the calls of another, and cannot end them', async () => {
    const { handler, verbs } = open()
    const [mine, theirs] = [await begin(handler), await begin(handler)]
    const waiting = await post(handler, call(7, 'codex', { PROMPT: 'x', cd: '/p' }), mine)
    const made = await verbs.nth(0)
    const cancel = { method: 'notifications/cancelled', params: { requestId: 7 } }
    expect((await post(handler, cancel, theirs)).status).toBe(202)
    expect(made.options.signal?.aborted).toBe(false)
    expect((await post(handler, cancel, mine)).status).toBe(202)
    await expect.poll(() => made.options.signal?.aborted).toBe(true)
    await waiting.body?.cancel()
  })
})

describe('bounds', () => {
  test('an idle session is closed, one with an open stream is not', async () => {
    const { handler, clock } = open({ idleMs: 100_000 })
    await begin(handler)
    const headers = await begin(handler)
    const stream = await handler.handle(new Request(url, { headers: { ...headers, accept: 'text/event-stream' } }))
    clock.advance(200_000)
    expect(handler.sessions).toBe(1)
    await stream.body?.cancel()
    clock.advance(200_000)
    expect(handler.sessions).toBe(0)
  })

  test('the one that is idle for longest makes room; when none is idle, a further one is refused', async () => {
    const { handler, clock } = open({ maxSessions: 2 })
    const first = await begin(handler)
    clock.advance(10)
    const second = await begin(handler)
    await begin(handler)
    expect(handler.sessions).toBe(2)
    expect((await post(handler, { id: 2, method: 'ping' }, first)).status).toBe(404)
    const kept = await post(handler, { id: 2, method: 'ping' }, second)
    await kept.text()
    const { handler: full } = open({ maxSessions: 1 })
    const headers = await begin(full)
    const stream = await full.handle(new Request(url, { headers: { ...headers, accept: 'text/event-stream' } }))
    expect(await refusal(await post(full, hello))).toEqual([503, -32_000])
    await stream.body?.cancel()
    expect((await post(full, hello)).status).toBe(200)
  })

  test('however many begin at once, there are no more sessions than there may be', async () => {
    const { handler } = open({ maxSessions: 3 })
    const responses = await Promise.all(Array.from({ length: 20 }, () => post(handler, hello)))
    // None of their streams was over when the next began.
    const statuses = responses.map(({ status }) => status)
    expect(statuses.filter(status => status === 200)).toHaveLength(3)
    expect(new Set(statuses)).toEqual(new Set([200, 503]))
    expect([handler.sessions, handler.sessionsInUse]).toEqual([3, 3])
    for (const response of responses) await response.body?.cancel()
    expect([handler.sessions, handler.sessionsInUse]).toEqual([3, 0])
  })

  test('what begins no session makes none go', async () => {
    const { handler } = open({ maxSessions: 1 })
    const headers = await begin(handler)
    const bad = [{ id: 2, method: 'ping' }, { ...hello, params: {} }, 'no json', { id: 3, result: {} }]
    for (const message of bad) expect((await post(handler, message)).status).toBe(400)
    expect((await post(handler, { id: 2, method: 'ping' }, headers)).status).toBe(200)
  })

  test.each([
    ['answered', -1],
    ['given up', 7],
  ])('a session whose client is away is in use until its call is %s', async (_, cancelled) => {
    const { handler, verbs, clock } = open({ maxSessions: 1, idleMs: 100_000 })
    const headers = await begin(handler)
    const waiting = await post(handler, call(7, 'codex', { PROMPT: 'x', cd: '/p' }), headers)
    const made = await verbs.nth(0)
    await waiting.body?.cancel()
    expect(await refusal(await post(handler, hello))).toEqual([503, -32_000])
    clock.advance(1_000_000)
    expect([handler.sessions, handler.sessionsInUse, made.options.signal?.aborted]).toEqual([1, 1, false])
    if (cancelled === -1) made.answer(turnAnswer())
    else await post(handler, { method: 'notifications/cancelled', params: { requestId: cancelled } }, headers)
    await expect.poll(() => handler.sessionsInUse).toBe(0)
    // It has its time from then on.
    clock.advance(90_000)
    expect(handler.sessions).toBe(1)
    clock.advance(100_000)
    expect(handler.sessions).toBe(0)
  })

  test('a client that does not read what its call says is cut off; it comes back for the answer', async () => {
    const { handler, verbs, clock, cuts } = open({ maxWaitingBytes: 5000 })
    const headers = await begin(handler)
    const asked = { ...call(7, 'codex', { PROMPT: 'x', cd: '/p' }).params, _meta: { progressToken: 'p' } }
    const { body } = await post(handler, { id: 7, method: 'tools/call', params: asked }, headers)
    if (body === null) throw new Error('no body')
    const made = await verbs.nth(0)
    const reader = body.getReader()
    const cursor = firstId((await reader.read()).value)
    for (let seq = 1; seq < 200 && cuts.length === 0; seq += 1) {
      made.options.onEvent?.(wireEvent(seq, 'x'.repeat(100)))
      clock.advance(300)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(cuts).toEqual([url])
    // What was too much is not held for it.
    await reader.read()
    expect((await reader.read()).done).toBe(true)
    expect(made.options.signal?.aborted).toBe(false)
    made.answer(turnAnswer())
    await expect.poll(() => handler.sessionsInUse).toBe(0)
    const back = { ...headers, accept: 'text/event-stream', 'last-event-id': cursor }
    const { messages } = await messagesIn(await handler.handle(new Request(url, { headers: back })))
    expect(messages.at(-1)).toMatchObject({ id: 7, result: { structuredContent: { success: true } } })
  })

  test('closing ends every stream and detaches every call', async () => {
    const { handler, verbs } = open()
    const headers = await begin(handler)
    const waiting = await post(handler, call(7, 'codex', { PROMPT: 'x', cd: '/p' }), headers)
    const made = await verbs.nth(0)
    await handler[Symbol.asyncDispose]()
    await waiting.text()
    expect(made.options.signal?.aborted).toBe(true)
    expect(await refusal(await post(handler, hello))).toEqual([503, -32_000])
  })
})

describe('a connection that breaks', () => {
  /** A call whose client left: what it came for, and how it comes back. */
  async function broken(handler: TestHandler, verbs: FakeVerbs) {
    const headers = await begin(handler)
    const response = await post(handler, call(7, 'codex', { PROMPT: 'x', cd: '/p' }), headers)
    const reader = response.body?.getReader()
    const cursor = firstId((await reader?.read())?.value)
    const made = await verbs.nth(0)
    await reader?.cancel()
    const back = { ...headers, accept: 'text/event-stream', 'last-event-id': cursor }
    return { headers, made, resume: () => handler.handle(new Request(url, { headers: back })) }
  }

  test('leaves the call at work; the client comes back with its cursor, gets the answer, and the stream ends', async () => {
    const { handler, verbs, clock } = open()
    const { made, resume } = await broken(handler, verbs)
    expect(made.options.signal?.aborted).toBe(false)
    made.answer(turnAnswer())
    await new Promise(resolve => setImmediate(resolve))
    const { messages } = await messagesIn(await resume())
    expect(messages).toMatchObject([{ id: 7, result: { structuredContent: { SESSION_ID: 'thread-1' } } }])
    expect(verbs.calls).toHaveLength(1)
    // Nothing is open: it goes when its time has come.
    clock.advance(1_900_000)
    expect(handler.sessions).toBe(0)
  })

  test.each([0, 1, 2, 3, 5, 10])('gets it, too, when it comes %i steps after its client', async steps => {
    const { handler, verbs } = open()
    const { made, resume } = await broken(handler, verbs)
    const resumed = resume()
    for (let step = 0; step < steps; step += 1) await Promise.resolve()
    made.answer(turnAnswer())
    expect((await messagesIn(await resumed)).messages).toMatchObject([{ id: 7 }])
  })

  test('is told which turn to wait for when the answer is not kept any more', async () => {
    const { handler, verbs } = open()
    const { headers, made, resume } = await broken(handler, verbs)
    made.answer(turnAnswer())
    for (let id = 100; id < 301; id += 1) await (await post(handler, { id, method: 'ping' }, headers)).text()
    const { messages } = await messagesIn(await resume())
    const message = expect.stringContaining('codex_wait with turn_id turn_1')
    expect(messages).toMatchObject([{ id: 7, error: { message } }])
    for (let id = 1000; id < 2001; id += 1) await (await post(handler, { id, method: 'ping' }, headers)).text()
    expect((await resume()).status).toBe(400)
  })

  test('a stream that the server ends under the call is primed, says when to come back, and goes on', async () => {
    const { handler } = open({ createServer: createFixtureServer })
    const headers = await begin(handler)
    const first = await (await post(handler, call(7, 'test_reconnection'), headers)).text()
    expect(first).toMatch(/^id: \S+\nretry: \d+\ndata: \n\n$/)
    const cursor = /^id: (.+)$/m.exec(first)?.[1] ?? ''
    const second = await messagesIn(
      await handler.handle(
        new Request(url, { headers: { ...headers, accept: 'text/event-stream', 'last-event-id': cursor } }),
      ),
    )
    expect(second.messages).toMatchObject([{ id: 7, result: { content: [{ type: 'text' }] } }])
  })

  test.each(['nonsense', '99999_x', '1_../x', '-1_x'])('a cursor that is not ours is refused: %s', async cursor => {
    const { handler } = open()
    const headers = await begin(handler)
    const resumed = await handler.handle(
      new Request(url, { headers: { ...headers, accept: 'text/event-stream', 'last-event-id': cursor } }),
    )
    expect(resumed.status).toBe(400)
  })
})

describe('who calls', () => {
  test.each([
    [{}, {}],
    [{ 'tandem-project-dir': '${CLAUDE_PROJECT_DIR}' }, {}],
    [{ 'tandem-project-dir': '/100%' }, {}],
    [{ 'tandem-claude-session': 'x'.repeat(201) }, {}],
    [{ 'tandem-project-dir': '/plain path' }, { project_dir: '/plain path' }],
  ])('%j', (headers, known) => {
    expect(mcpCallerOf(new Headers(headers))).toEqual({ door: 'mcp', ...known })
  })
})
