import { mkdir } from 'node:fs/promises'
import { cancelled, createEmitter, messageOf, within } from '#kernel'
import { createChildRecord } from './child-record.ts'
import { codexBreakerOpen, codexStartTimeout, codexUnavailable } from './errors.ts'
import { describeClose, openConnection } from './open-connection.ts'
import { createRestartPolicy, defaultRestartLimits } from './restart-policy.ts'
import { openTemporaryFiles } from './temporary-files.ts'
import type { Clock, Emitter, Log } from '#kernel'
import type { CodexBinary } from './binary.ts'
import type { ChildRecord } from './child-record.ts'
import type { CloseReason, CodexConnection } from './connection.ts'
import type { OpenedConnection, OpenLimits } from './open-connection.ts'
import type { RestartLimits, RestartPolicy } from './restart-policy.ts'

/** Times are wall-clock milliseconds. */
export type CodexState =
  | { readonly kind: 'idle' }
  /** With `lastError` after a start or a process that failed: it has not answered since. */
  | { readonly kind: 'starting'; readonly lastError: string | null }
  | {
      readonly kind: 'ready'
      readonly pid: number
      readonly version: string
      readonly sinceMs: number
      readonly generation: number
    }
  | { readonly kind: 'backing-off'; readonly untilMs: number; readonly lastError: string }
  /** The breaker is open: it crashed too often. Tried again at `untilMs`. */
  | { readonly kind: 'broken'; readonly sinceMs: number; readonly untilMs: number; readonly lastError: string }
  | { readonly kind: 'stopped' }

export type HostLimits = OpenLimits & RestartLimits

export const defaultHostLimits: HostLimits = {
  ...defaultRestartLimits,
  startTimeoutMs: 20_000,
  requestTimeoutMs: 10_000,
  slowRequestTimeoutMs: 30_000,
  writerWaitMs: 5000,
  maxLineBytes: 64 * 1024 * 1024,
  maxPendingRequests: 256,
}

export interface CodexHostDeps {
  readonly binary: CodexBinary
  /** The whole environment of the process, but for its TMPDIR, which is ours: see `codexEnvironment`. */
  readonly env: Readonly<Record<string, string>>
  /** In place of `env`, and asked anew before each start: what it depends on may have changed. */
  readonly readEnv?: (() => Promise<Readonly<Record<string, string>>>) | undefined
  /** Ours alone (0700): the record of the child and its temporary files are kept here, and it is the child's working directory. */
  readonly stateDir: string
  readonly clock: Clock
  readonly log: Log
  /** How we announce ourselves; the name goes upstream as originator and user agent. */
  readonly client?: { readonly name: string; readonly version: string } | undefined
  readonly limits?: Partial<HostLimits> | undefined
  /** Start at once, and again after every crash; otherwise at the first demand. */
  readonly isWarm?: boolean | undefined
  readonly random?: (() => number) | undefined
  /** The user's own umask, for the files that Codex makes in the user's projects; undefined: this process's. */
  readonly umask?: number | undefined
}

/** Keeps one app-server running: starts it on demand, again after a crash, and not for ever when it keeps crashing. */
export interface CodexHost extends AsyncDisposable {
  readonly state: CodexState
  /** The ready connection, or the next one. CODEX_UNAVAILABLE, CODEX_BREAKER_OPEN, CODEX_START_TIMEOUT, CANCELLED. */
  connection(options: {
    readonly timeoutMs: number
    readonly signal?: AbortSignal | undefined
  }): Promise<CodexConnection>
  onState(listener: (state: CodexState) => void): Disposable
  /** Kills the process, hung or not; no backing off. */
  restart(reason: string): Promise<void>
}

/** Ends a process that an earlier life left behind, then supervises. Dispose it to end the process (at most about 4 s). */
export async function startCodexHost(deps: CodexHostDeps): Promise<CodexHost> {
  await mkdir(deps.stateDir, { recursive: true, mode: 0o700 })
  const record = createChildRecord(deps.stateDir)
  const left = await record.reap(deps.clock)
  if (left !== null) deps.log.warn({ codexPid: left }, 'codex process of an earlier life ended')
  const TMPDIR = await openTemporaryFiles(deps.stateDir)
  const readEnv = async (): Promise<Record<string, string>> => ({ ...(await (deps.readEnv?.() ?? deps.env)), TMPDIR })
  const host = new Host({ ...deps, readEnv }, record)
  if (deps.isWarm === true) host.warmUp()
  return host
}

type HostDeps = CodexHostDeps & { readonly readEnv: NonNullable<CodexHostDeps['readEnv']> }

class Host implements CodexHost {
  readonly #deps: HostDeps
  readonly #record: ChildRecord
  readonly #limits: HostLimits
  readonly #policy: RestartPolicy
  readonly #states: Emitter<CodexState>
  #state: CodexState = { kind: 'idle' }
  #current: OpenedConnection | null = null
  /** The start that is under way, shared by all who wait. */
  #starting: Promise<CodexConnection> | null = null
  #wake: Disposable | null = null
  /** Monotonic, beside the state's `untilMs`, which is for people: a wall clock that is set back must not make the pause longer. */
  #pausedUntil = 0
  readonly #stopping = new AbortController()
  #generation = 0

  constructor(deps: HostDeps, record: ChildRecord) {
    this.#deps = deps
    this.#record = record
    this.#limits = { ...defaultHostLimits, ...deps.limits }
    this.#policy = createRestartPolicy({ clock: deps.clock, limits: this.#limits, random: deps.random })
    this.#states = createEmitter(error => deps.log.error({ problem: messageOf(error) }, 'codex state listener failed'))
  }

  get state(): CodexState {
    return this.#state
  }

  onState(listener: (state: CodexState) => void): Disposable {
    return this.#states.listen(listener)
  }

  warmUp(): void {
    this.#start().catch(() => {
      // It is in the state and in the log, and the next demand tries again.
    })
  }

  async connection(options: {
    readonly timeoutMs: number
    readonly signal?: AbortSignal | undefined
  }): Promise<CodexConnection> {
    const { clock } = this.#deps
    const deadline = clock.monotonic() + options.timeoutMs
    for (;;) {
      if (options.signal?.aborted === true) throw cancelled('waiting for codex', options.signal.reason)
      if (this.#current !== null) return this.#current.connection
      const state = this.#state
      if (state.kind === 'stopped') throw codexUnavailable('tandem is stopping')
      const pauseMs = this.#pauseMs(state)
      const leftMs = deadline - clock.monotonic()
      if (leftMs <= 0) throw codexStartTimeout(options.timeoutMs, 'lastError' in state ? state.lastError : null)
      if (pauseMs > 0) await bounded(clock, Math.min(pauseMs, leftMs), options.signal, null)
      if (pauseMs === 0) await bounded(clock, leftMs, options.signal, this.#start())
    }
  }

  async restart(reason: string): Promise<void> {
    const current = this.#current
    if (current === null) return
    this.#deps.log.warn({ reason, codexPid: current.connection.pid }, 'codex restart asked for')
    await current.kill({ kind: 'stopped', why: reason })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const current = this.#current
    this.#become({ kind: 'stopped' })
    this.#wake?.[Symbol.dispose]()
    this.#stopping.abort()
    await current?.stop('tandem is stopping')
    await this.#starting?.catch(() => undefined)
    await this.#record.erase()
  }

  /** How long until a start may be tried; throws while the breaker is open. */
  #pauseMs(state: CodexState): number {
    if (state.kind !== 'backing-off' && state.kind !== 'broken') return 0
    const pauseMs = Math.max(0, this.#pausedUntil - this.#deps.clock.monotonic())
    if (state.kind === 'broken' && pauseMs > 0) throw codexBreakerOpen(state.lastError, pauseMs)
    return pauseMs
  }

  #start(): Promise<CodexConnection> {
    this.#starting ??= this.#open().finally(() => (this.#starting = null))
    return this.#starting
  }

  async #open(): Promise<CodexConnection> {
    const { clock, log } = this.#deps
    this.#wake?.[Symbol.dispose]()
    const lastError = 'lastError' in this.#state ? this.#state.lastError : null
    this.#become({ kind: 'starting', lastError })
    this.#generation += 1
    const startedAt = clock.monotonic()
    const opened = await this.#tryOpen()
    if (this.#isStopped()) {
      await opened.stop('tandem is stopping')
      throw codexUnavailable('tandem is stopping')
    }
    this.#current = opened
    const { pid, version, generation } = opened.connection
    void opened.connection.closed.then(reason => this.#closed(opened, reason))
    this.#become({ kind: 'ready', pid, version, sinceMs: clock.now(), generation })
    log.info({ codexPid: pid, version, generation, startMs: Math.round(clock.monotonic() - startedAt) }, 'codex ready')
    return opened.connection
  }

  async #tryOpen(): Promise<OpenedConnection> {
    const { deps, limits } = { deps: this.#deps, limits: this.#limits }
    try {
      return await openConnection({
        binary: deps.binary,
        env: await this.#readEnv(),
        cwd: deps.stateDir,
        umask: deps.umask,
        generation: this.#generation,
        client: deps.client ?? { name: 'tandem', version: '0' },
        limits,
        clock: deps.clock,
        log: deps.log,
        signal: this.#stopping.signal,
        onSpawn: (pid, mark) => this.#record.write(pid, mark),
      })
    } catch (error) {
      this.#crashed(messageOf(error))
      throw error
    }
  }

  /** A file of the user's may be on a disk that does not answer. */
  async #readEnv(): Promise<Readonly<Record<string, string>>> {
    const { clock, readEnv } = this.#deps
    const { startTimeoutMs } = this.#limits
    const read = await within(clock, startTimeoutMs, readEnv())
    if (read.kind === 'timeout')
      throw codexStartTimeout(startTimeoutMs, "Codex's configuration could not be read in time")
    if (this.#isStopped()) throw codexUnavailable('tandem is stopping')
    return read.value
  }

  #closed(opened: OpenedConnection, reason: CloseReason): void {
    if (this.#current !== opened) return
    this.#current = null
    this.#deps.log.warn(
      { codexPid: opened.connection.pid, reason: reason.kind, detail: describeClose(reason) },
      'codex ended',
    )
    if (this.#isStopped()) return
    if (reason.kind !== 'stopped') return this.#crashed(describeClose(reason))
    this.#become({ kind: 'idle' })
    if (this.#deps.isWarm === true) this.warmUp()
  }

  #crashed(lastError: string): void {
    if (this.#isStopped()) return
    const { clock, log } = this.#deps
    const verdict = this.#policy.crashed()
    const untilMs = clock.now() + verdict.delayMs
    this.#pausedUntil = clock.monotonic() + verdict.delayMs
    log.warn({ lastError, delayMs: verdict.delayMs, verdict: verdict.kind }, 'codex crashed')
    if (verdict.kind === 'open') this.#become({ kind: 'broken', sinceMs: clock.now(), untilMs, lastError })
    if (verdict.kind === 'retry') this.#become({ kind: 'backing-off', untilMs, lastError })
    if (this.#deps.isWarm === true) this.#wake = clock.after(verdict.delayMs, () => this.warmUp())
  }

  #isStopped(): boolean {
    return this.#state.kind === 'stopped'
  }

  #become(state: CodexState): void {
    if (this.#isStopped()) return
    this.#state = state
    this.#states.emit(state)
  }
}

/** Waits for the work, the time, or the signal; the loop above looks at what is now the case. */
function bounded(
  clock: Clock,
  ms: number,
  signal: AbortSignal | undefined,
  work: Promise<unknown> | null,
): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      timer[Symbol.dispose]()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
    // A failed start is in the state, which the loop looks at.
    void work?.catch(() => undefined).finally(done)
  })
}
