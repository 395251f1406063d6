import { AppError } from '#kernel'
import { createClient } from './client.ts'
import { isDaemonGoneWithin } from './daemon-end.ts'
import { daemonStillStopping } from './errors.ts'
import { statusOf } from './processes.ts'
import { socketOf } from './safe-socket.ts'
import { stopDaemon } from './stop-daemon.ts'
import type { HelloResult, Places } from '#contracts'
import type { Clock } from '#kernel'
import type { ClientIdentity } from './client.ts'
import type { DownOutcome } from './stop-daemon.ts'

/** What `up` and `down` need; the composition root gives it. */
export interface LifecycleDeps {
  readonly places: Places
  readonly clock: Clock
  readonly identity: ClientIdentity
  /** Starts the daemon under its supervisor, detached from us. Resolves when it is spawned. */
  readonly launch: () => Promise<LaunchedDaemon>
  /** Runs the daemon in this process until it ends; its exit code. */
  readonly runDaemon: () => Promise<number>
}

/** What a start under the supervisor needs. */
export type SupervisedDeps = Omit<LifecycleDeps, 'runDaemon'>

export interface LaunchedDaemon {
  /** Of the supervisor: the parent of its daemon. */
  readonly pid: number | undefined
  /** Ends the supervisor and its daemon: used when the start failed. */
  stop(): void
}

export interface UpOptions {
  /** Run the daemon in this process, without a supervisor, until it ends. */
  readonly foreground?: boolean
  /** Told why it runs in this process although nobody wanted it so: no process can be detached here. */
  readonly onForeground?: (reason: AppError) => void
}

export type UpOutcome =
  | {
      readonly kind: 'started' | 'already-running'
      readonly pid: number
      readonly version: string
      readonly socket: string
    }
  | { readonly kind: 'ended'; readonly exitCode: number }

/**
 * Starts the daemon and waits until it answers; one that is older than we are is replaced when no work is lost by it.
 * A failed start rejects with the daemon's own code, message and hint, and leaves nothing running.
 */
export async function up(deps: LifecycleDeps, options: UpOptions = {}): Promise<UpOutcome> {
  if (options.foreground === true) return upInForeground(deps)
  try {
    return await upSupervised(deps)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'SUPERVISOR_NOT_STARTED') throw error
    options.onForeground?.(error)
    return await upInForeground(deps)
  }
}

async function upInForeground(deps: LifecycleDeps): Promise<UpOutcome> {
  const running = await runningDaemon(deps)
  if (running !== undefined) return outcomeOf(deps, 'already-running', running)
  return { kind: 'ended', exitCode: await deps.runDaemon() }
}

/** Stops the daemon and waits until its process is gone and its lock free. That nothing runs is not a failure. */
export function down(deps: LifecycleDeps, options: { readonly graceMs?: number } = {}): Promise<DownOutcome> {
  return stopDaemon(deps, options)
}

async function upSupervised(deps: LifecycleDeps): Promise<UpOutcome> {
  const { hello, hasLaunched } = await startSupervised(deps)
  return await outcomeOf(deps, hasLaunched ? 'started' : 'already-running', hello)
}

/**
 * The daemon that answers, started under its supervisor when there is none; SUPERVISOR_NOT_STARTED where there can be no such process:
 * unlike `up` it never runs the daemon in this one. `isOurs`: it is the one that we started, and so has our environment.
 */
export async function startSupervised(
  deps: SupervisedDeps,
): Promise<{ readonly hello: HelloResult; readonly hasLaunched: boolean; readonly isOurs: boolean }> {
  const launched: LaunchedDaemon[] = []
  const startDaemon = async (): Promise<LaunchedDaemon> => {
    const one = await deps.launch()
    launched.push(one)
    return one
  }
  await using client = createClient({ ...deps, startDaemon, connectTimeoutMs: upTimeoutMs })
  try {
    const hello = await client.connect()
    // One that is on its way out is no daemon to be up: the next one starts when it is gone.
    if (hello.is_stopping === true) {
      await untilGone(deps, hello.pid)
      return await startSupervised(deps)
    }
    // Of several that were started at once one has the lock, and the others are gone.
    const parent = statusOf(hello.pid)?.parent
    const isOurs = parent === undefined ? launched.length > 0 : launched.some(({ pid }) => pid === parent)
    return { hello, hasLaunched: launched.length > 0, isOurs }
  } catch (error) {
    // One that only takes long (a migration) goes on: stopping it would not make it faster.
    if (!(error instanceof AppError) || error.code !== 'DAEMON_START_TIMEOUT') for (const one of launched) one.stop()
    throw error
  }
}

async function runningDaemon(deps: LifecycleDeps): Promise<HelloResult | undefined> {
  await using client = createClient({ places: deps.places, clock: deps.clock, identity: deps.identity })
  try {
    const hello = await client.connect()
    if (hello.is_stopping !== true) return hello
    await untilGone(deps, hello.pid)
    return await runningDaemon(deps)
  } catch (error) {
    if (error instanceof AppError && error.code === 'DAEMON_NOT_RUNNING') return undefined
    throw error
  }
}

async function outcomeOf(
  { places }: LifecycleDeps,
  kind: 'started' | 'already-running',
  { pid, version }: HelloResult,
): Promise<UpOutcome> {
  return { kind, pid, version, socket: await socketOf(places, pid) }
}

async function untilGone(deps: SupervisedDeps, pid: number): Promise<void> {
  if (!(await isDaemonGoneWithin(deps, pid, stoppingMs))) throw daemonStillStopping(pid, stoppingMs)
}

const upTimeoutMs = 20_000
/** The usual grace, and the time to put everything away. */
const stoppingMs = 60_000
