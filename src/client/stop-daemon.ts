import { existsSync } from 'node:fs'
import { AppError, systemCodeOf } from '#kernel'
import { createClient } from './client.ts'
import { daemonHere, isDaemonGoneWithin } from './daemon-end.ts'
import { daemonNotVisible, daemonWillNotStop, supervisorWillNotStop } from './errors.ts'
import { commandOf, isGoneWithin, isSuspended, lockHolder, ownProcesses, statusOf } from './processes.ts'
import { readAddress } from './safe-socket.ts'
import { stateIdentityOf } from './state-identity.ts'
import type { Places } from '#contracts'
import type { Clock } from '#kernel'
import type { ClientIdentity } from './client.ts'

export type DownOutcome =
  | { readonly kind: 'not-running' }
  | {
      readonly kind: 'stopped'
      readonly pid: number
      /** Turns that were running; they are stored as to be continued. Null when the daemon did not answer. */
      readonly running: number | null
      /** It did not answer or not end, and was ended by a signal. */
      readonly wasForced: boolean
    }

interface StopDeps {
  readonly places: Places
  readonly clock: Clock
  readonly identity: ClientIdentity
}

interface StopOptions {
  readonly graceMs?: number
}

/** Asks first; who does not answer or not end gets SIGTERM, then SIGKILL, but only if it surely is our daemon. */
export async function stopDaemon(deps: StopDeps, options: StopOptions): Promise<DownOutcome> {
  // Those that are there now: one that is started while we wait is somebody's who wants a daemon again.
  const supervisors = supervisorsOf(deps.places)
  const outcome = await stopAsked(deps, options)
  // After many crashes one may still pause that a client did not wait for; its daemon would come after all.
  await Promise.all(supervisors.map(one => endSupervisor(deps, one)))
  return outcome
}

async function stopAsked(deps: StopDeps, options: StopOptions): Promise<DownOutcome> {
  for (let asks = 1; ; asks += 1) {
    const asked = await askToStop(deps, options.graceMs)
    if (asked.kind === 'answered') return stopAnswered(deps, asked, options)
    // It was about to end already; there may be the next one by now.
    if (asked.kind === 'lost' && asks < maxAsks) continue
    const outcome = await stopUnanswered(deps, asked, { ...options, isLast: asks === maxAsks })
    if (outcome !== undefined) return outcome
  }
}

/** Undefined when there is another daemon to be asked by now. */
async function stopUnanswered(
  deps: StopDeps,
  asked: Exclude<Asked, { readonly kind: 'answered' }>,
  { isLast, graceMs = defaultGraceMs }: StopOptions & { readonly isLast: boolean },
): Promise<DownOutcome | undefined> {
  // Where none was, none can have been silent.
  const pid = asked.kind === 'absent' ? undefined : await verifiedPid(deps.places)
  if (pid !== undefined) {
    await force(deps, pid, isHanging(asked, pid) ? termMs : graceMs + closeMs)
    return { kind: 'stopped', pid, running: null, wasForced: true }
  }
  if (asked.kind === 'silent') return afterSilence(deps, asked.error, { isLast })
  const holder = lockHolder(deps.places.lockFile)
  if (typeof holder !== 'number') return { kind: 'not-running' }
  // It was dead, and its supervisor has started the next one meanwhile.
  if (asked.kind === 'absent' && !isLast) return undefined
  throw daemonWillNotStop(holder, deps.places)
}

function afterSilence(
  { places }: StopDeps,
  error: AppError,
  { isLast }: { readonly isLast: boolean },
): DownOutcome | undefined {
  // Nobody is known to be behind it.
  if (outOfReach.includes(error.code)) throw error
  const holder = lockHolder(places.lockFile)
  if (holder !== null) throw daemonWillNotStop(holder ?? null, places)
  if (!existsSync(places.lockFile)) return { kind: 'not-running' }
  if (isLast) throw daemonNotVisible(places)
  // It was killed meanwhile, or is not visible here: then it is silent again.
  return undefined
}

async function stopAnswered(
  deps: StopDeps,
  { pid, running }: { readonly pid: number; readonly running: number },
  { graceMs = defaultGraceMs }: StopOptions,
): Promise<DownOutcome> {
  // It gives its lock back before it is gone.
  const here = daemonHere(deps.places.lockFile, pid)
  if (await isDaemonGoneWithin(deps, pid, graceMs + closeMs)) return { kind: 'stopped', pid, running, wasForced: false }
  if (here === undefined) throw daemonNotVisible(deps.places)
  await force(deps, here, termMs)
  return { kind: 'stopped', pid, running, wasForced: true }
}

/** One that is well and only cannot be reached ends its turns in order when it is told to; one that hangs does not hear it. */
function isHanging(asked: Asked, pid: number): boolean {
  if (isSuspended(pid)) return true
  if (asked.kind !== 'silent') return false
  const { code, cause } = asked.error
  return code === 'CANCELLED' || (cause instanceof AppError && cause.code === 'DAEMON_HELLO_UNANSWERED')
}

type Asked =
  | { readonly kind: 'answered'; readonly pid: number; readonly running: number }
  | { readonly kind: 'absent' }
  | { readonly kind: 'silent'; readonly error: AppError }
  | { readonly kind: 'lost' }

async function askToStop(deps: StopDeps, graceMs: number | undefined): Promise<Asked> {
  await using client = createClient({ ...deps, connectTimeoutMs: connectMs })
  const input = { reason: 'down' as const, ...(graceMs === undefined ? {} : { grace_ms: graceMs }) }
  try {
    const signal = AbortSignal.timeout(answerTimeoutMs)
    return { kind: 'answered', ...(await client.call('shutdown', input, { caller: { door: 'cli' }, signal })) }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const { code } = error
    if (code === 'DAEMON_NOT_RUNNING') return { kind: 'absent' }
    if (code === 'DAEMON_CONNECTION_LOST' || code === 'DAEMON_STOPPING') return { kind: 'lost' }
    // It speaks another protocol, hangs, or died under the request: the process decides.
    if (!hopeless.includes(code) && !outOfReach.includes(code)) throw error
    return { kind: 'silent', error }
  }
}

/** SIGTERM through the supervisor, so that it does not bring the daemon back; SIGKILL to the daemon if that is not enough. */
async function force(deps: StopDeps, pid: number, limitMs: number): Promise<void> {
  const holder = lockHolder(deps.places.lockFile)
  // It is at its very end, or its number is somebody else's by now.
  if (holder !== undefined && holder !== pid) return expectGone(deps, pid)
  const parent = statusOf(pid)?.parent
  const supervisor = parent !== undefined && isSupervisor(parent, deps.places) ? parent : undefined
  signalTo(supervisor ?? pid, 'SIGTERM')
  if (await isGoneWithin(deps.clock, pid, limitMs)) return
  // Its address may be gone by now; that it holds the lock is proof enough.
  if (lockHolder(deps.places.lockFile) === pid) signalTo(pid, 'SIGKILL')
  await expectGone(deps, pid)
}

async function expectGone({ clock, places }: StopDeps, pid: number): Promise<void> {
  if (!(await isGoneWithin(clock, pid, termMs))) throw daemonWillNotStop(pid, places)
}

/** The pid that the daemon wrote, if the kernel says that this very process holds the lock. A pid in a file proves nothing. */
async function verifiedPid(places: Places): Promise<number | undefined> {
  const address = await readAddress(places)
  if (address === undefined || lockHolder(places.lockFile) !== address.pid) return undefined
  const startedAt = address['process_started_at']
  return typeof startedAt !== 'string' || statusOf(address.pid)?.startedAt === startedAt ? address.pid : undefined
}

interface Supervisor {
  readonly pid: number
  readonly startedAt: string | undefined
}

/** Every supervisor of our state directory that is ours. None where there is no /proc. */
function supervisorsOf(places: Places): readonly Supervisor[] {
  return ownProcesses()
    .filter(pid => isSupervisor(pid, places))
    .map(pid => ({ pid, startedAt: statusOf(pid)?.startedAt }))
}

/** It tells its daemon to stop, if it has one again, and waits for its end. */
async function endSupervisor({ places, clock }: StopDeps, { pid, startedAt }: Supervisor): Promise<void> {
  if (!isSupervisor(pid, places) || statusOf(pid)?.startedAt !== startedAt) return
  signalTo(pid, 'SIGTERM')
  if (!(await isGoneWithin(clock, pid, defaultGraceMs + closeMs))) throw supervisorWillNotStop(pid)
}

/** Recognised by what it was started with, which names our state directory: not one that has the same name in a container. */
function isSupervisor(pid: number, places: Places): boolean {
  const command = commandOf(pid)
  if (command[1]?.endsWith('supervisor.sh') !== true || command[2] !== places.stateDir) return false
  const theirs = stateIdentityOf({ stateDir: `/proc/${pid}/root${places.stateDir}` })
  return theirs !== undefined && theirs === stateIdentityOf(places)
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // Gone already, which is what was wanted.
    if (systemCodeOf(error) !== 'ESRCH') throw error
  }
}

const hopeless: readonly string[] = [
  'CANCELLED',
  'DAEMON_START_TIMEOUT',
  'DAEMON_SUSPENDED',
  'DAEMON_UNREACHABLE',
  'DAEMON_PROTOCOL',
]
/** Something is between it and us; it takes signals all the same. */
const outOfReach: readonly string[] = ['SOCKET_FOREIGN', 'DESCRIPTORS_EXHAUSTED']
/** Less than for the answer: who could not be connected to need not hang. */
const connectMs = 4000
const answerTimeoutMs = 5500
const termMs = 5000
const defaultGraceMs = 30_000
/** To put everything away after the grace: a turn that cannot be stored alone may take ten seconds of it. */
const closeMs = 15_000
/** Each time it is another daemon that was asked. */
const maxAsks = 3
