import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { describe, expect, test } from 'vitest'
import { turnAnswer } from '../../test/support/fake-daemon.ts'
import { createFixtureServer } from '../../test/support/mcp-fixture-server.ts'
import { mcpCallerOf } from './index.ts'
import type { FakeVerbs } from '../../test/support/fake-daemon.ts'
import {
  accept,
  begin,
  call,
  firstId,
  handlersForEach,
  hello,
  messagesIn,
  post,
  refusal,
  url,
} from './test-http-handler.ts'
import type { TestHandler } from './test-http-handler.ts'

const open = handlersForEach()

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
