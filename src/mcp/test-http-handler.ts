import { afterEach } from 'vitest'
import { createFakeClock, silentLog } from '#kernel'
import { createFakeVerbs } from '../../test/support/fake-daemon.ts'
import { createMcpHandler, createMcpServer, mcpCallerOf } from './index.ts'
import type { FakeClock } from '#kernel'
import type { FakeVerbs } from '../../test/support/fake-daemon.ts'
import type { McpHandler, McpHandlerDeps } from './index.ts'

export const url = 'http://127.0.0.1:1/mcp'
export const accept = 'application/json, text/event-stream'

/** Whose connections are cut is noted. */
export interface TestHandler extends McpHandler {
  handle(request: Request): Promise<Response>
}

/** A handler with all that a test plays around it. */
export interface Opened {
  readonly handler: TestHandler
  readonly verbs: FakeVerbs
  readonly clock: FakeClock
  /** The addresses of the requests whose connections were cut. */
  readonly cuts: readonly string[]
}

/** Called once in a file: opens handlers that end with the test. */
export function handlersForEach(): (more?: Partial<McpHandlerDeps>) => Opened {
  const handlers: McpHandler[] = []
  afterEach(async () => {
    for (const handler of handlers.splice(0)) await handler[Symbol.asyncDispose]()
  })
  return more => {
    const opened = openHandler(more)
    handlers.push(opened.handler)
    return opened
  }
}

function openHandler(more: Partial<McpHandlerDeps> = {}): Opened {
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

export function post(
  handler: TestHandler,
  message: object | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return handler.handle(
    new Request(url, {
      method: 'POST',
      headers: { accept, 'content-type': 'application/json', ...headers },
      body: typeof message === 'string' ? message : JSON.stringify({ jsonrpc: '2.0', ...message }),
    }),
  )
}

export const hello = {
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } },
}

/** Begins a session; the headers of its requests. */
export async function begin(
  handler: TestHandler,
  headers: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const response = await post(handler, hello, headers)
  await response.text()
  const id = response.headers.get('mcp-session-id') ?? ''
  return { 'mcp-session-id': id, 'mcp-protocol-version': '2025-11-25' }
}

/** A call of a tool, as a message. */
export interface ToolCall {
  readonly id: number
  readonly method: string
  readonly params: { readonly name: string; readonly arguments: object }
}

export const call = (id: number, name: string, given: object = {}): ToolCall => ({
  id,
  method: 'tools/call',
  params: { name, arguments: given },
})

export async function refusal(response: Response): Promise<readonly [number, number]> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what else it is, the tests look at
  const { error } = (await response.json()) as { readonly error: { readonly code: number } }
  return [response.status, error.code]
}

/** The messages of a stream that ends, and the id of the last event. */
export async function messagesIn(
  response: Response,
): Promise<{ readonly messages: readonly unknown[]; readonly last: string }> {
  const text = await response.text()
  const data = Array.from(text.matchAll(/^data: (.+)$/gm), ([, json = '']) => JSON.parse(json) as unknown)
  return { messages: data, last: Array.from(text.matchAll(/^id: (.+)$/gm), ([, id = '']) => id).at(-1) ?? '' }
}

export const firstId = (chunk: Uint8Array | undefined): string =>
  /^id: (.+)$/m.exec(new TextDecoder().decode(chunk))?.[1] ?? ''
