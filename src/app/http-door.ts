import { AppError, errorShapeOf, shellQuote } from '#kernel'
import { assertAccepting } from '#socket'
import { lastHttpPort, publishHttpAddress } from './http-address.ts'
import { lateMcp } from './http-door-mcp.ts'
import { readHttpToken } from './http-token.ts'
import type { Config, Places, VerbCaller } from '#contracts'
import type { HttpDoor, HttpDoorDeps } from '#http'
import type { Clock, ErrorShape, Log } from '#kernel'
import type { McpHandler } from '#mcp'
import type { LateMcp } from './http-door-mcp.ts'
import type { StopRequest } from './stop-request.ts'

export interface HttpDoorParts {
  readonly config: Pick<Config, 'daemon' | 'http'>
  readonly places: Pick<Places, 'httpFile' | 'httpTokenFile'>
  readonly version: string
  readonly verbs: VerbCaller
  readonly stop: StopRequest
  readonly clock: Clock
  readonly log: Log
}

export type HttpState =
  /** Not wanted, or closed. */
  | { readonly kind: 'off' }
  | { readonly kind: 'starting' }
  | {
      readonly kind: 'serving'
      readonly url: string
      /** Connections that are open. */
      readonly clients: number
      /** Of verbs, that wait. */
      readonly calls: number
      /** Of MCP, with an open stream or a call at work. */
      readonly sessions: number
    }
  /** The daemon serves on, on its socket. */
  | { readonly kind: 'failed'; readonly error: ErrorShape }

/** The HTTP door of the daemon. Disposing closes it and takes its address back. */
export interface LateHttpDoor extends AsyncDisposable {
  state(): HttpState
}

/**
 * Opens the HTTP door when the socket serves already, so that nobody waits for it; returns at once. That it does not open is no reason for
 * the daemon to end: it is in the log and in `state`.
 */
export function openHttpDoor(parts: HttpDoorParts): LateHttpDoor {
  if (!parts.config.http.enabled)
    return { state: () => ({ kind: 'off' }), [Symbol.asyncDispose]: async () => undefined }
  const stack = new AsyncDisposableStack()
  let open: OpenDoor | undefined
  let failure: ErrorShape | undefined
  let isOver = false
  const opening = begin()

  async function begin(): Promise<void> {
    // Clients that wait for the socket come first.
    await new Promise(resolve => setImmediate(resolve))
    if (isOver) return
    try {
      open = await serve(parts, stack)
      parts.log.info({ url: open.door.url }, 'HTTP is served')
    } catch (error) {
      failure = errorShapeOf(error)
      // A door whose address could not be written would serve whoever guesses it.
      await stack.disposeAsync()
      parts.log.error({ error: failure }, 'HTTP is not served; the socket is')
    }
  }

  return {
    state() {
      if (isOver) return { kind: 'off' }
      if (failure !== undefined) return { kind: 'failed', error: failure }
      if (open === undefined) return { kind: 'starting' }
      const { door, mcp } = open
      return { kind: 'serving', url: door.url, clients: door.clients, calls: door.calls, sessions: mcp.sessionsInUse }
    },
    async [Symbol.asyncDispose]() {
      isOver = true
      await opening
      await stack.disposeAsync()
    },
  }
}

/** Where it serves, when it does. */
export function httpUrlOf(door: LateHttpDoor | undefined): string | undefined {
  const state = door?.state()
  return state?.kind === 'serving' ? state.url : undefined
}

interface OpenDoor {
  readonly door: HttpDoor
  readonly mcp: LateMcp
}

async function serve(parts: HttpDoorParts, stack: AsyncDisposableStack): Promise<OpenDoor> {
  const { config, log, places, stop } = parts
  const token = await readHttpToken(places.httpTokenFile)
  const verbs = accepting(parts.verbs, stop)
  const mcp = lateMcp(() => loadMcp(parts, verbs), log)
  const { max_clients: maxConnections, max_frame_bytes: maxBodyBytes } = config.daemon
  const door = stack.use(
    await listen(parts, {
      verbs,
      token,
      tokenCommand: `cat ${shellQuote(places.httpTokenFile)}`,
      version: parts.version,
      isReady: async () => !stop.isStopping && (await canStore(parts.verbs)),
      mcp: (request, cut) => mcp.handle(request, cut),
      limits: { maxConnections, maxCalls, maxBodyBytes, maxOutgoingBytes: 4 * maxBodyBytes },
      log,
      clock: parts.clock,
    }),
  )
  // Before the door: its streams end in order, then.
  stack.use(mcp)
  stack.use(await publishHttpAddress(places, door))
  return { door, mcp }
}

/** What health knows of the last write, which it does not repeat within a second. */
async function canStore(verbs: VerbCaller): Promise<boolean> {
  const { parts } = await verbs.call('health', {}, { caller: { door: 'http' } })
  return parts.some(({ part, state }) => part === 'store write' && state !== 'down')
}

/** That wait for an answer, of the routes together and of MCP together. */
const maxCalls = 1024

/** On the configured port; without one on that of last time, so that what people wrote down stays right. */
async function listen(parts: HttpDoorParts, deps: Omit<HttpDoorDeps, 'port'>): Promise<HttpDoor> {
  const { startHttpDoor } = await import('#http')
  const { port } = parts.config.http
  const last = port === 0 ? await lastHttpPort(parts.places) : undefined
  if (last === undefined) return startHttpDoor({ ...deps, port })
  try {
    return await startHttpDoor({ ...deps, port: last })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    parts.log.warn({ port: last, code: error.code }, 'the port of last time is not free: HTTP gets another one')
    return startHttpDoor({ ...deps, port: 0 })
  }
}

/** While the daemon stops, looking, waiting and ending go on, and new work does not begin: for routes and MCP alike. */
function accepting(verbs: VerbCaller, stop: StopRequest): VerbCaller {
  let stopping: string | undefined
  void stop.ordered.then(order => (stopping = order.reason))
  return {
    async call(verb, input, options) {
      assertAccepting(verb, stopping)
      return verbs.call(verb, input, options)
    },
  }
}

async function loadMcp({ config, version, log, clock }: HttpDoorParts, verbs: VerbCaller): Promise<McpHandler> {
  const { createMcpHandler, createMcpServer, mcpCallerOf } = await import('#mcp')
  const { boundedVerbs } = await import('#http')
  const bounded = boundedVerbs(verbs, maxCalls)
  return createMcpHandler({
    createServer: request =>
      createMcpServer({ verbs: bounded, caller: mcpCallerOf(request.headers), version, log, clock }),
    maxBodyBytes: config.daemon.max_frame_bytes,
    log,
    clock,
  })
}
