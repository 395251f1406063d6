import { helloResultSchema, socketProtocol } from '#contracts'
import { AppError, backoffMs, cancelled, messageOf, sleep, systemCodeOf } from '#kernel'
import { DaemonConnection } from './daemon-connection.ts'
import { isDaemonGoneWithin } from './daemon-end.ts'
import {
  answerInvalid,
  connectionLost,
  daemonNotRunning,
  daemonOutOfDescriptors,
  daemonStartTimeout,
  daemonStillStopping,
  daemonSuspended,
  daemonUnreachable,
  foreignListener,
  helloUnanswered,
} from './errors.ts'
import { isListenedAtBy, isOutOfDescriptors, isTakenFrom } from './listeners.ts'
import { lockHeldBy } from './lock-held.ts'
import { isAlive, isDaemon, isStoreCopy, isSuspended, lockHolder, ownProcesses } from './processes.ts'
import { candidateSockets, isSafeSocket, readAddress } from './safe-socket.ts'
import { markStartErrors, readStartError } from './start-error.ts'
import { assertOfThisState } from './state-identity.ts'
import { compareVersions } from './versions.ts'
import type { HelloParams, HelloResult, Places } from '#contracts'
import type { Clock } from '#kernel'
import type { StartErrorMarks } from './start-error.ts'

/**
 * Starts a daemon and resolves when it is spawned: with its supervisor, where it is known. When that has ended before we
 * reach its daemon (idle, or a crash in the start), another is started.
 */
export type StartDaemon = () => Promise<{ readonly pid: number | undefined } | undefined | void>

export interface ConnectOptions {
  readonly places: Places
  readonly clock: Clock
  readonly identity: { readonly name: string; readonly version: string }
  readonly timeoutMs: number
  readonly stopTimeoutMs?: number | undefined
  readonly startDaemon?: StartDaemon | undefined
  /** A daemon was there a moment ago: its supervisor gets this long to bring it back before we start one. */
  readonly patienceMs: number
  readonly signal: AbortSignal
}

/** For one greeting; a daemon that is busy for longer is greeted again. */
const helloMs = 2000
/** Several tries, since the pauses between them are shorter. */
const hangUpMs = 1500
/** Of our programs `tandem check` tries the lock for a moment. */
const strangerMs = 1000
/** Many a `tandem store copy` is over by then. */
const copyMs = 5000
/** Without a grace a daemon takes up to 10 s to interrupt its turns and as much to close. */
const stopMs = 25_000
/** One that ends again and again before it is reached does so for a reason: its log has it. */
const maxLaunches = 3

export interface Connected {
  readonly connection: DaemonConnection
  readonly hello: HelloResult
}

/** Connects and greets, starting or replacing the daemon when that is needed and allowed. */
export async function connectToDaemon(options: ConnectOptions): Promise<Connected> {
  const attempt = new ConnectAttempt(options)
  for (let tries = 0; ; tries += 1) {
    if (options.signal.aborted) throw cancelled('connecting', options.signal.reason)
    const connected = await attempt.once()
    if (connected !== undefined) return connected
    await attempt.pause(tries)
  }
}

class ConnectAttempt {
  readonly #options: ConnectOptions
  #beganAt: number
  /** What earlier starts had told when we launched. */
  #launched: StartErrorMarks | undefined
  #launches = 0
  /** Of the supervisor that we started last. */
  #supervisor: number | undefined
  #hasReplaced = false
  #path = ''
  #last: unknown = new Error('nothing was tried')
  /** Since when every try was taken and hung up on. */
  #hungUpSince: number | undefined
  /** A program that is no daemon and holds the lock. */
  #stranger: { readonly pid: number; readonly since: number } | undefined

  constructor(options: ConnectOptions) {
    this.#options = options
    this.#beganAt = options.clock.monotonic()
  }

  /** Undefined: not yet. Throws what more tries would not change. */
  async once(): Promise<Connected | undefined> {
    const connection = await this.#open()
    if (connection === undefined) {
      this.#hungUpSince = undefined
      await this.#launch()
      return undefined
    }
    try {
      const hello = await this.#greet(connection)
      if (hello !== undefined) assertOfThisState(this.#options.places, this.#path, hello)
      if (hello !== undefined && !this.#mayReplace(hello)) return { connection, hello }
      if (hello !== undefined) await this.#replace(connection, hello)
    } catch (error) {
      connection[Symbol.dispose]()
      throw error
    }
    connection[Symbol.dispose]()
    return undefined
  }

  /** Waits before the next try; throws when the time is up. */
  async pause(tries: number): Promise<void> {
    const { places, timeoutMs, signal } = this.#options
    if (this.#launched !== undefined) {
      const failure = await readStartError(places, this.#launched)
      if (failure !== undefined) throw failure
    }
    const left = timeoutMs - this.#elapsed()
    if (left <= 0 && isAbsence(this.#last)) this.#assertHeldByNobody()
    if (left <= 0 && this.#options.startDaemon === undefined && isAbsence(this.#last)) throw daemonNotRunning(places)
    if (left <= 0) throw this.#suspension() ?? daemonStartTimeout(places, timeoutMs, this.#last)
    await sleep(Math.min(left, backoffMs(tries, { firstMs: 20, maxMs: 500 })), signal)
  }

  #suspension(): AppError | undefined {
    const holder = lockHolder(this.#options.places.lockFile)
    if (typeof holder !== 'number' || !isSuspended(holder)) return undefined
    return daemonSuspended(holder)
  }

  #elapsed(): number {
    return this.#options.clock.monotonic() - this.#beganAt
  }

  /** At least 1, for a timer. */
  #leftMs(): number {
    return Math.max(1, Math.ceil(this.#options.timeoutMs - this.#elapsed()))
  }

  async #open(): Promise<DaemonConnection | undefined> {
    this.#last = undefined
    for (const path of await candidateSockets(this.#options.places)) {
      if (!(await isSafeSocket(path))) continue
      try {
        this.#path = path
        return await DaemonConnection.open(path)
      } catch (error) {
        this.#last = error
        // EAGAIN: it listens, and its queue is full.
        if (!isAbsence(error) && systemCodeOf(error) !== 'EAGAIN') throw connectionLost(error)
      }
    }
    this.#last ??= daemonNotRunning(this.#options.places)
    return undefined
  }

  /** Undefined when the daemon went away meanwhile, or has no place for us now. */
  async #greet(connection: DaemonConnection): Promise<HelloResult | undefined> {
    const { identity, signal } = this.#options
    const params: HelloParams = { protocol: socketProtocol, version: identity.version, client: identity.name }
    try {
      const limit = AbortSignal.any([signal, AbortSignal.timeout(Math.min(helloMs, this.#leftMs()))])
      const hello = helloResultSchema.safeParse(await connection.request('hello', params, { signal: limit }))
      if (!hello.success) throw answerInvalid('hello', messageOf(hello.error))
      return hello.data
    } catch (error) {
      if (signal.aborted) throw cancelled('connecting', signal.reason)
      const foreign = foreignDaemonOf(error)
      if (foreign !== undefined && this.#mayReplace(foreign)) return foreign
      if (foreign !== undefined) throw error
      if (!isPassing(error)) throw error
      const isSilent = error instanceof AppError && error.code === 'CANCELLED'
      if (isSilent || this.#keepsHangingUp(error)) await this.#assertOurs()
      this.#last = isSilent ? helloUnanswered(this.#path, helloMs) : error
      return undefined
    }
  }

  /** Our daemon holds its lock for as long as it listens. */
  async #assertOurs(): Promise<void> {
    const { places } = this.#options
    const holder = lockHolder(places.lockFile)
    if (holder === undefined) return
    // The lock of a daemon in a container cannot be seen; its address can. A listener that we see would be seen to have the lock.
    const isAddressed = holder === null && (await readAddress(places)) !== undefined
    if (isAddressed && !isListenedAtBy(ownProcesses(), this.#path)) return
    if (holder === null || !isDaemon(holder) || isTakenFrom(holder, this.#path)) throw foreignListener(this.#path)
    if (isOutOfDescriptors(holder)) throw daemonOutOfDescriptors(holder)
  }

  /** A daemon that ends or is killed does it once, and the next try finds nobody: however long was waited before. */
  #keepsHangingUp(error: unknown): boolean {
    if (!(error instanceof AppError) || error.code !== 'DAEMON_CONNECTION_LOST') return false
    this.#hungUpSince ??= this.#elapsed()
    return this.#elapsed() - this.#hungUpSince >= hangUpMs
  }

  /** A daemon that we started may take longer than we wait; of another one we know only that it is there. */
  #assertHeldByNobody(): void {
    const { places, timeoutMs } = this.#options
    const holder = lockHolder(places.lockFile)
    if (typeof holder !== 'number') return
    if (!isDaemon(holder)) throw lockHeldBy(places.lockFile, holder)
    if (this.#launched === undefined) throw daemonUnreachable(places, holder, timeoutMs)
  }

  async #launch(): Promise<void> {
    const { startDaemon, patienceMs, places } = this.#options
    const holder = lockHolder(places.lockFile)
    // A daemon without a socket starts, ends, or puts a lost one back: not down, and not to be doubled.
    if (typeof holder === 'number') return this.#assertOfDaemon(holder)
    if (startDaemon === undefined && patienceMs === 0) throw daemonNotRunning(places)
    if (startDaemon === undefined || this.#elapsed() < patienceMs) return
    if (this.#launched !== undefined && !(await this.#isLaunchedGone(this.#launched))) return
    await this.#launchNow()
  }

  #assertOfDaemon(holder: number): void {
    const since = this.#stranger?.pid === holder ? this.#stranger.since : this.#elapsed()
    this.#stranger = isDaemon(holder) ? undefined : { pid: holder, since }
    const patienceMs = isStoreCopy(holder) ? copyMs : strangerMs
    if (this.#stranger === undefined || this.#elapsed() - since < patienceMs) return
    throw lockHeldBy(this.#options.places.lockFile, holder)
  }

  /** What we started came and went, without a failure that another start would only repeat. */
  async #isLaunchedGone(launched: StartErrorMarks): Promise<boolean> {
    if (this.#launches >= maxLaunches || this.#supervisor === undefined || isAlive(this.#supervisor)) return false
    const failure = await readStartError(this.#options.places, launched)
    if (failure !== undefined) throw failure
    return true
  }

  /** Only once, and only when no work is lost by it: a daemon that keeps being older is used as it is. */
  #mayReplace(hello: HelloResult): boolean {
    if (this.#hasReplaced || this.#options.startDaemon === undefined) return false
    if (compareVersions(this.#options.identity.version, hello.version) <= 0) return false
    return hello.running === 0 || hello.can_upgrade
  }

  async #replace(connection: DaemonConnection, hello: HelloResult): Promise<void> {
    const { clock, identity, places, signal, timeoutMs } = this.#options
    this.#hasReplaced = true
    const caller = { door: 'socket', client: `${identity.name} ${identity.version}` }
    const input = { reason: 'upgrade', grace_ms: 0 }
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#leftMs())])
    try {
      await connection.request('shutdown', { input, caller }, { signal: limit })
    } catch (error) {
      if (limit.aborted && !signal.aborted) throw daemonStartTimeout(places, timeoutMs, 'the older one does not answer')
      // Another new client was faster, and the daemon is on its way out already.
      if (!(error instanceof AppError)) throw error
      if (error.code !== 'DAEMON_CONNECTION_LOST' && error.code !== 'DAEMON_STOPPING') throw error
    }
    const limitMs = this.#options.stopTimeoutMs ?? stopMs
    if (!(await isDaemonGoneWithin({ clock, places, signal }, hello.pid, limitMs)))
      throw daemonStillStopping(hello.pid, limitMs)
    // What the old one took is not taken from the new one.
    this.#beganAt = clock.monotonic()
    await this.#launchNow()
  }

  async #launchNow(): Promise<void> {
    this.#launched = await markStartErrors(this.#options.places)
    this.#launches += 1
    const launched = await this.#options.startDaemon?.()
    this.#supervisor = launched?.pid
  }
}

/** Nobody listens: no socket, a stale one, or a path that no socket can have. */
function isAbsence(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'DAEMON_NOT_RUNNING'
  return ['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'EINVAL', 'ENAMETOOLONG', 'ECONNRESET'].includes(
    systemCodeOf(error) ?? '',
  )
}

/** A greeting that times out, is turned away or cut off may go better with the next try, until the time is up. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof AppError)) return false
  return error.kind === 'busy' || ['CANCELLED', 'DAEMON_CONNECTION_LOST', 'SOCKET_HELLO_TIMEOUT'].includes(error.code)
}

/** The daemon of a refused hello: it says what it is even when it does not speak with us. */
function foreignDaemonOf(error: unknown): HelloResult | undefined {
  if (!(error instanceof AppError) || error.code !== 'DAEMON_PROTOCOL') return undefined
  return helloResultSchema.safeParse(error.data).data
}
