import { getRequestListener } from '@hono/node-server'
import { createServer } from 'node:http'
import { messageOf, systemClock, systemCodeOf, within } from '#kernel'
import { createApp } from './app.ts'
import { notListening, portTaken } from './errors.ts'
import { failureOf } from './failure.ts'
import { assertForUs, createTokenCheck } from './guard.ts'
import { createTurns } from './in-turn.ts'
import { createOpenCalls } from './open-calls.ts'
import { watchStalled } from './watch-stalled.ts'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { VerbCaller } from '#contracts'
import type { Clock, Log, Secret } from '#kernel'

export interface HttpLimits {
  readonly maxConnections: number
  readonly maxCalls: number
  readonly maxBodyBytes: number
  /** What may wait for a client that does not read its events; one event may be longer. */
  readonly maxOutgoingBytes: number
  /** For the headers of a request. Default 10,000. */
  readonly headersTimeoutMs?: number
  /** For a whole request, its body included. Default 60,000. */
  readonly requestTimeoutMs?: number
  /** A client that takes nothing of what waits for it is cut after one to two of these. Default 30,000. */
  readonly stallMs?: number
}

export interface HttpDoorDeps {
  readonly verbs: VerbCaller
  readonly token: Secret
  /** A command that prints the token. */
  readonly tokenCommand: string
  /** 0: one that is free. */
  readonly port: number
  readonly version: string
  /** Cheap, and says no more than yes or no: anybody on this machine may ask. */
  readonly isReady: () => Promise<boolean>
  /** MCP over streamable HTTP; called for requests with the token only. `cut` ends the connection. */
  readonly mcp: (request: Request, cut: () => void) => Promise<Response>
  readonly limits: HttpLimits
  readonly log: Log
  readonly clock?: Clock
}

/** Disposing answers open calls with DAEMON_STOPPING and ends every connection. */
export interface HttpDoor extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** Connections that are open. */
  readonly clients: number
  /** Calls of verbs that wait. */
  readonly calls: number
}

/** Listens on 127.0.0.1. Rejects with HTTP_PORT_TAKEN or HTTP_NOT_LISTENING. */
export async function startHttpDoor(deps: HttpDoorDeps): Promise<HttpDoor> {
  const clock = deps.clock ?? systemClock
  const { limits, log } = deps
  const calls = createOpenCalls(limits.maxCalls)
  const assertToken = createTokenCheck(deps.token, deps.tokenCommand)
  const { maxBodyBytes, maxOutgoingBytes } = limits
  const app = createApp({ ...deps, calls, clock, assertToken, maxBodyBytes, maxOutgoingBytes })
  // The globals of this process are not ours to replace.
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  const late = { port: deps.port }
  const server = createServer(
    {
      headersTimeout: limits.headersTimeoutMs ?? 10_000,
      requestTimeout: limits.requestTimeoutMs ?? 60_000,
      connectionsCheckingInterval: 1000,
    },
    guarded(listener, { port: () => late.port, log }),
  )
  server.maxConnections = limits.maxConnections
  server.on('drop', () => log.warn({ max: limits.maxConnections }, 'an HTTP client was turned away: too many'))
  late.port = await listen(server, deps.port)
  // No connection comes before this: we were told of the address in this very turn of the loop.
  const stalled = watchStalled(server, { clock, log, everyMs: limits.stallMs ?? 30_000 })
  server.on('error', error => log.error({ error }, 'the HTTP door failed'))
  return {
    url: `http://127.0.0.1:${late.port}`,
    port: late.port,
    get clients() {
      return stalled.connections
    },
    get calls() {
      return calls.count
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>(resolve => void server.close(() => resolve()))
      calls.close()
      server.closeIdleConnections()
      await within(clock, closeMs, closed)
      server.closeAllConnections()
      stalled[Symbol.dispose]()
      await closed
    },
  }
}

/** For clients that do not take their last answer. */
const closeMs = 1000

/** Every answer says these, the refusals before the router, too. No CORS: no other page has business here. */
const everyAnswer = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
}

function guarded(
  listener: (request: IncomingMessage, response: ServerResponse) => Promise<unknown>,
  { port, log }: { readonly port: () => number; readonly log: Log },
): RequestListener {
  const inTurn = createTurns(log)
  return (request, response) => {
    for (const [name, value] of Object.entries(everyAnswer)) response.setHeader(name, value)
    try {
      assertForUs(request, port())
    } catch (error) {
      const { status, headers, body } = failureOf(error, log)
      response.writeHead(status, { ...headers, 'content-type': 'application/json', connection: 'close' })
      response.end(JSON.stringify(body))
      return
    }
    inTurn(request, response, () => {
      listener(request, response).catch((error: unknown) => log.error({ error }, 'an HTTP request was not answered'))
    })
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', error => {
      reject(
        systemCodeOf(error) === 'EADDRINUSE' ? portTaken(port, error) : notListening(port, messageOf(error), error),
      )
    })
    server.listen({ host: '127.0.0.1', port, backlog: 511 }, () => {
      server.removeAllListeners('error')
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
