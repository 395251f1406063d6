import { chmodSync } from 'node:fs'
import { createServer } from 'node:net'
import { messageOf, systemClock, within } from '#kernel'
import { createCallBudget } from './call-budget.ts'
import { answerBeforeSession, Connection } from './connection.ts'
import { daemonStopping, socketNotListening, tooManyClients } from './errors.ts'
import type { Server, Socket } from 'node:net'
import type { HelloResult, VerbCaller } from '#contracts'
import type { Clock, Log } from '#kernel'

export interface SocketLimits {
  readonly maxClients: number
  readonly maxFrameBytes: number
  /** What may wait for a client that does not read; one answer may be longer. */
  readonly maxOutgoingBytes: number
  readonly maxCallsPerClient: number
  /** Of all clients. Default 4,096. */
  readonly maxCalls?: number
  /** For the first whole line after connecting. Default 10,000. */
  readonly helloTimeoutMs?: number
}

export interface SocketDoorDeps {
  readonly verbs: VerbCaller
  readonly identity: () => HelloResult
  /** The path must be free; its directory must be ours alone. */
  readonly socketPath: string
  readonly limits: SocketLimits
  readonly log: Log
  /** Where a plain question without a directory runs, read-only. */
  readonly homeDir: string
  readonly clock?: Clock
}

/** Disposing answers open calls with DAEMON_STOPPING, ends every connection and removes the socket. */
export interface SocketDoor extends AsyncDisposable {
  readonly clients: number
  /** Calls that wait. */
  readonly calls: number
  /** From now on only verbs that look, wait or end something; others get DAEMON_STOPPING with this reason. */
  stopAccepting(reason: 'down' | 'upgrade' | 'idle'): void
  /** Listens anew on the path, whose file is gone; connections that are open stay. */
  listenAgain(): Promise<void>
}

/** Listens on `socketPath` with mode 0600. */
export async function startSocketDoor(deps: SocketDoorDeps): Promise<SocketDoor> {
  const clock = deps.clock ?? systemClock
  const connections = new Set<Connection>()
  const budget = createCallBudget(deps.limits.maxCalls ?? 4096)
  let stopping: 'down' | 'upgrade' | 'idle' | undefined
  let isClosed = false

  function take(socket: Socket): void {
    if (connections.size >= deps.limits.maxClients) return turnAway(socket, deps)
    const connection = new Connection(socket, {
      ...deps,
      clock,
      budget: createCallBudget(deps.limits.maxCallsPerClient, budget),
      stopping: () => stopping,
      maxFrameBytes: deps.limits.maxFrameBytes,
      maxOutgoingBytes: deps.limits.maxOutgoingBytes,
      helloTimeoutMs: deps.limits.helloTimeoutMs ?? 10_000,
    })
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
  }
  let server = await listen(take, deps)

  return {
    get clients() {
      return connections.size
    },
    get calls() {
      return budget.used
    },
    stopAccepting(reason) {
      stopping = reason
    },
    async listenAgain() {
      // First: closing a listener removes the file at its path, whoever made it.
      server.close()
      if (!isClosed) server = await listen(take, deps)
    },
    async [Symbol.asyncDispose]() {
      isClosed = true
      const closed = new Promise<void>(resolve => void server.close(() => resolve()))
      const error = daemonStopping(stopping ?? 'down')
      const answered = Promise.all(Array.from(connections, connection => connection.close(error)))
      await within(clock, closeMs, answered)
      await within(clock, closeMs, closed)
      for (const connection of connections) connection.destroy()
      await closed
    },
  }
}

/** For handlers that do not end when aborted, and for clients that do not take their last answer. */
const closeMs = 1000

async function listen(take: (socket: Socket) => void, deps: SocketDoorDeps): Promise<Server> {
  const path = deps.socketPath
  // Half-open: a client may end its side and still wait for its answers.
  const server = createServer({ allowHalfOpen: true }, take)
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.once('listening', listening.resolve)
  try {
    // `listen` binds before it returns, so the file is never there with more rights than these.
    const before = process.umask(0o177)
    try {
      server.listen({ path, backlog: 511 })
    } finally {
      process.umask(before)
    }
    await listening.promise
    chmodSync(path, 0o600)
    server.on('error', error => deps.log.error({ error }, 'the socket failed'))
    return server
  } catch (error) {
    throw socketNotListening(path, error, messageOf(error))
  } finally {
    server.removeListener('error', listening.reject)
  }
}

function turnAway(socket: Socket, deps: SocketDoorDeps): void {
  deps.log.warn({ max: deps.limits.maxClients }, 'a client was turned away: too many are connected')
  socket.on('error', error => deps.log.debug({ error }, 'client connection broke'))
  socket.end(`${JSON.stringify(answerBeforeSession(tooManyClients(deps.limits.maxClients)))}\n`, () => socket.destroy())
}
