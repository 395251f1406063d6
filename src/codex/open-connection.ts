import { randomUUID } from 'node:crypto'
import { initializeResultSchema } from '#contracts'
import { createEmitter, messageOf } from '#kernel'
import { startChild } from './child.ts'
import { createConnection } from './create-connection.ts'
import { declineOf } from './declines.ts'
import { codexHomeOf } from './environment.ts'
import { codexAnswerMalformed, codexNotRunnable, codexRequestFailed } from './errors.ts'
import { eventOf, placeOf } from './events.ts'
import { lastWords } from './last-words.ts'
import { startPulse } from './pulse.ts'
import { createRpcPeer } from './rpc.ts'
import { parseCodexVersion } from './version.ts'
import type { Clock, Emitter, Log } from '#kernel'
import type { CodexBinary } from './binary.ts'
import type { Child, ChildExit } from './child.ts'
import type { CloseReason, CodexConnection, CodexCounts, ConnectionLimits } from './connection.ts'
import type { CodexEvent } from './events.ts'
import type { RpcPeer } from './rpc.ts'

export interface OpenLimits extends ConnectionLimits {
  readonly startTimeoutMs: number
  readonly maxLineBytes: number
  readonly maxPendingRequests: number
}

export interface OpenOptions {
  readonly binary: CodexBinary
  readonly env: Readonly<Record<string, string>>
  /** Where the process lives: not in anybody's project. */
  readonly cwd: string
  readonly umask: number | undefined
  readonly generation: number
  readonly client: { readonly name: string; readonly version: string }
  readonly limits: OpenLimits
  readonly clock: Clock
  readonly log: Log
  /** Gives the start up. */
  readonly signal: AbortSignal
  /** Told the pid before the handshake. */
  readonly onSpawn: (pid: number, mark: string) => Promise<void>
}

export interface OpenedConnection {
  readonly connection: CodexConnection
  /** Gently, then not: done within about 4 s. */
  stop(why: string): Promise<void>
  kill(reason: CloseReason): Promise<void>
}

/** Starts a process and shakes hands with it. When that fails nothing is left behind. */
export async function openConnection(options: OpenOptions): Promise<OpenedConnection> {
  const mark = randomUUID()
  const wires = wire(options, mark)
  try {
    if (wires.child.pid > 0) await options.onSpawn(wires.child.pid, mark)
    const version = await shakeHands(wires.rpc, options)
    wires.child.forgetStart()
    return openedOf(wires, version, options)
  } catch (error) {
    await wires.end({ kind: 'stopped', why: 'the handshake failed' })
    const exit = await wires.child.exited
    if (exit.spawnError !== null) throw codexNotRunnable(options.binary.path, exit.spawnError)
    throw error
  }
}

/** A reason in one line, for messages and logs. */
export function describeClose(reason: CloseReason): string {
  switch (reason.kind) {
    case 'exited': {
      const how = reason.signal === null ? `exit code ${String(reason.code)}` : `signal ${reason.signal}`
      const last = lastWords(reason.stderrTail)
      return last === '' ? how : `${how}: ${last}`
    }
    case 'hung':
      return `no answer to ${reason.method} for ${reason.waitedMs} ms`
    case 'broken':
      return reason.problem
    case 'stopped':
    default:
      return reason.why
  }
}

interface Wires {
  readonly child: Child
  readonly rpc: RpcPeer
  readonly closed: Promise<CloseReason>
  readonly emitter: Emitter<CodexEvent>
  readonly counts: () => CodexCounts
  /** Kills with a reason (the first one counts) and waits. */
  readonly end: (reason: CloseReason) => Promise<void>
  readonly stop: (why: string) => Promise<void>
}

function wire(options: OpenOptions, mark: string): Wires {
  const { clock, limits, log } = options
  const counter = createCounter()
  const emitter = createEmitter<CodexEvent>(error => log.error({ problem: messageOf(error) }, 'codex listener failed'))
  let reason: CloseReason | null = null
  const end = async (why: CloseReason): Promise<void> => {
    reason ??= why
    child.kill()
    await closed
  }
  const giveUp = (why: CloseReason): void => void end(why)
  const child = startChild({
    command: options.binary.executable,
    args: ['app-server'],
    env: options.env,
    cwd: options.cwd,
    mark,
    umask: options.umask,
    clock,
    maxLineBytes: limits.maxLineBytes,
    onLine: line => rpc.receive(line),
    onLineTooLong: bytes => giveUp({ kind: 'broken', problem: `a line of more than ${bytes} bytes` }),
  })
  const rpc = createRpcPeer({
    clock,
    maxPending: limits.maxPendingRequests,
    write: line => child.write(line),
    lastByteAtMs: () => child.lastByteAtMs(),
    onMalformed(problem) {
      counter.malformedLine()
      log.warn({ problem: problem.slice(0, 200) }, 'codex line not understood')
    },
    onNotification(method, params) {
      const event = counter.seen(eventOf(method, params))
      pulse.seen(event)
      emitter.emit(event)
    },
    onRequest(method, params) {
      const { answer, reason: why } = declineOf(method)
      log.info({ method }, 'codex request declined')
      emitter.emit({ kind: 'server-request', method, reason: why, ...placeOf(params) })
      return answer
    },
    onHung: (method, waitedMs) => giveUp({ kind: 'hung', method, waitedMs }),
  })
  const pulse = startPulse({ clock, everyMs: limits.requestTimeoutMs, lastByteAtMs: () => child.lastByteAtMs(), rpc })
  const closed = child.exited.then(exit => {
    pulse[Symbol.dispose]()
    reason ??= exitReason(exit)
    rpc.close(describeClose(reason))
    return reason
  })
  const stop = async (why: string): Promise<void> => {
    reason ??= { kind: 'stopped', why }
    await child.stop()
    await closed
  }
  return { child, rpc, closed, emitter, counts: counter.counts, end, stop }
}

async function shakeHands(rpc: RpcPeer, options: OpenOptions): Promise<string> {
  const { name, version } = options.client
  const params = { clientInfo: { name, title: 'Tandem', version }, capabilities: { experimentalApi: true } }
  const answer = await rpc.request('initialize', params, {
    timeoutMs: options.limits.startTimeoutMs,
    signal: options.signal,
  })
  if (answer.kind === 'error') throw codexRequestFailed('initialize', answer.code, answer.message)
  const parsed = initializeResultSchema.safeParse(answer.result)
  if (!parsed.success) throw codexAnswerMalformed('initialize', parsed.error.message)
  await rpc.notify('initialized')
  // "tandem/0.169.0 (Debian …)": our own name comes first and may hold digits, too.
  return parseCodexVersion(parsed.data.userAgent.slice(name.length))?.text ?? 'unknown'
}

function openedOf(wires: Wires, version: string, options: OpenOptions): OpenedConnection {
  const { rpc, closed, child } = wires
  const connection = createConnection({
    rpc,
    clock: options.clock,
    limits: options.limits,
    stateDir: options.cwd,
    codexHome: codexHomeOf(options.env),
    identity: {
      generation: options.generation,
      pid: child.pid,
      version,
      closed,
      lastByteAtMs: () => child.lastByteAtMs(),
    },
    counts: wires.counts,
    onEvent: listener => wires.emitter.listen(listener),
  })
  return { connection, stop: wires.stop, kill: wires.end }
}

function exitReason(exit: ChildExit): CloseReason {
  const stderrTail = exit.spawnError === null ? exit.stderrTail : exit.spawnError.message
  return { kind: 'exited', code: exit.code, signal: exit.signal, stderrTail }
}

interface Counter {
  readonly malformedLine: () => void
  readonly seen: (event: CodexEvent) => CodexEvent
  readonly counts: () => CodexCounts
}

function createCounter(): Counter {
  const unread = new Map<string, number>()
  let malformedLines = 0
  let malformedMessages = 0
  return {
    malformedLine: () => void (malformedLines += 1),
    seen(event) {
      if (event.kind !== 'other') return event
      if (event.isMalformed) malformedMessages += 1
      const before = unread.get(event.method)
      if (before !== undefined || unread.size < maxUnreadMethods) unread.set(event.method, (before ?? 0) + 1)
      return event
    },
    counts: () => ({ malformedLines, malformedMessages, unread: Object.fromEntries(unread) }),
  }
}

const maxUnreadMethods = 200
