import { randomUUID } from 'node:crypto'
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import { messageOf, systemClock } from '#kernel'
import { createKeptEvents } from './kept-events.ts'
import { watchRequests } from './open-requests.ts'
import { resumedResponse } from './resume.ts'
import { whenOver } from './when-over.ts'
import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { Clock, Log } from '#kernel'
import type { KeptEvents } from './kept-events.ts'
import type { OpenRequests } from './open-requests.ts'

export interface McpHandlerDeps {
  /** The server of one new session, for the request that begins it. */
  readonly createServer: (request: Request) => Server
  readonly maxBodyBytes: number
  /** What may wait on a stream whose client does not read it; one message may be longer. Default 4,000,000. */
  readonly maxWaitingBytes?: number
  readonly log: Log
  readonly clock?: Clock
  /** Default 64. The one that is idle for longest makes room. */
  readonly maxSessions?: number
  /** A session without an open stream and without a call at work for this long is closed. Default 30 minutes. */
  readonly idleMs?: number
}

/** MCP over streamable HTTP, for a door that has checked who asks. Disposing closes every session, which detaches its calls. */
export interface McpHandler extends AsyncDisposable {
  readonly sessions: number
  /** Those with an open stream, or a call at work. */
  readonly sessionsInUse: number
  /** `cut` ends the connection of the request: of a client that does not read. */
  handle(request: Request, cut?: () => void): Promise<Response>
}

export function createMcpHandler(deps: McpHandlerDeps): McpHandler {
  return new Sessions(deps)
}

interface Session {
  readonly server: Server
  readonly transport: WebStandardStreamableHTTPServerTransport
  readonly kept: KeptEvents
  /** Its calls work on while the client is away. */
  readonly requests: OpenRequests
  /** HTTP requests whose answer, a stream perhaps, is not over. */
  open: number
  /** Monotonic: when the last of them was over. */
  idleSince: number
  hasPlace: boolean
}

class Sessions implements McpHandler {
  readonly #deps: McpHandlerDeps
  readonly #clock: Clock
  readonly #byId = new Map<string, Session>()
  #timer: Disposable
  #isClosed = false

  constructor(deps: McpHandlerDeps) {
    this.#deps = deps
    this.#clock = deps.clock ?? systemClock
    this.#timer = this.#clock.after(sweepMs, () => this.#sweep())
  }

  get sessions(): number {
    return this.#byId.size
  }

  get sessionsInUse(): number {
    return this.#byId
      .values()
      .filter(isInUse)
      .reduce(count => count + 1, 0)
  }

  async handle(request: Request, cut: () => void = () => undefined): Promise<Response> {
    if (this.#isClosed) return stopping()
    const id = request.headers.get('mcp-session-id')
    const session = id === null ? undefined : this.#byId.get(id)
    if (session !== undefined) return this.#answer(session, request, cut)
    // The client is to begin a new one (MCP 2025-11-25, session management).
    if (id !== null) return refused(404, -32_001, 'the session is over: initialize again')
    if (request.method !== 'POST') return refused(400, -32_000, 'Mcp-Session-Id is missing: initialize first')
    return this.#begin(request, cut)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    this.#timer[Symbol.dispose]()
    const open = [...this.#byId.values()]
    this.#byId.clear()
    await Promise.allSettled(open.map(({ server }) => server.close()))
  }

  async #begin(request: Request, cut: () => void): Promise<Response> {
    const session = await this.#connected(request)
    const response = await this.#answer(session, request, cut)
    if (session.hasPlace) return response
    await session.server.close()
    // Whatever it was, it did not begin a session.
    if (session.transport.sessionId === undefined) return response
    await response.body?.cancel()
    return this.#isClosed ? stopping() : refused(503, -32_000, 'every session is in use: close one, or try later')
  }

  /** A server for a request that may begin a session. */
  async #connected(request: Request): Promise<Session> {
    const server = this.#deps.createServer(request)
    const kept = createKeptEvents({ maxEvents: 200, maxChars: 500_000, maxStreams: 1000 })
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      onsessioninitialized: id => this.#take(id, session),
      onsessionclosed: id => void this.#byId.delete(id),
      eventStore: kept,
      maxRequestBodySize: this.#deps.maxBodyBytes,
      keepAliveMs: 15_000,
      retryInterval: 2000,
    })
    await server.connect(transport)
    const idleSince = this.#clock.monotonic()
    const requests = watchRequests(transport, () => void (session.idleSince = this.#clock.monotonic()))
    const session: Session = { server, transport, kept, requests, open: 0, idleSince, hasPlace: false }
    return session
  }

  /** At once, and only for an `initialize`: nothing else makes another go, and many at once get no more than there is. */
  #take(id: string, session: Session): void {
    if (this.#isClosed || !this.#makeRoom()) return
    session.hasPlace = true
    this.#byId.set(id, session)
  }

  async #answer(session: Session, request: Request, cut: () => void): Promise<Response> {
    const { log, maxWaitingBytes = 4_000_000 } = this.#deps
    session.open += 1
    const over = (): void => {
      session.open -= 1
      session.idleSince = this.#clock.monotonic()
    }
    try {
      const response = await responseTo(session, request)
      return whenOver(response, {
        over,
        maxWaitingBytes,
        cut() {
          log.warn({ maxWaitingBytes }, 'an mcp client does not read its stream: its connection is closed')
          cut()
        },
      })
    } catch (error) {
      over()
      log.error({ error }, 'an mcp request failed by a fault of ours')
      return refused(500, -32_603, messageOf(error))
    }
  }

  /** False when every session is in use. */
  #makeRoom(): boolean {
    if (this.#byId.size < (this.#deps.maxSessions ?? 64)) return true
    const idle = [...this.#byId.values()].filter(session => !isInUse(session))
    const [longest] = idle.sort((a, b) => a.idleSince - b.idleSince)
    if (longest === undefined) return false
    this.#end(longest, 'room for another')
    return true
  }

  #sweep(): void {
    const before = this.#clock.monotonic() - (this.#deps.idleMs ?? 1_800_000)
    for (const session of this.#byId.values())
      if (!isInUse(session) && session.idleSince <= before) this.#end(session, 'idle')
    this.#timer = this.#clock.after(sweepMs, () => this.#sweep())
  }

  #end({ server, transport }: Session, why: string): void {
    const { log } = this.#deps
    if (transport.sessionId !== undefined) this.#byId.delete(transport.sessionId)
    log.debug({ why, sessions: this.#byId.size }, 'mcp session closed')
    server.close().catch((error: unknown) => log.warn({ error }, 'an mcp session was not closed in order'))
  }
}

/** A stream can end while the SDK takes its client back: then, too, it would wait there for ever. */
async function responseTo({ kept, transport }: Session, request: Request): Promise<Response> {
  const resumed = resumedResponse(kept, request)
  if (resumed !== undefined) return resumed
  const response = await transport.handleRequest(request)
  const ended = resumedResponse(kept, request)
  if (ended === undefined) return response
  await response.body?.cancel()
  return ended
}

const sweepMs = 60_000

const isInUse = ({ open, requests }: Session): boolean => open > 0 || requests.count > 0

const stopping = (): Response => refused(503, -32_000, 'the daemon is stopping')

function refused(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', id: null, error: { code, message } }, { status })
}
