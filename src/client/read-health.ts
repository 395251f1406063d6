import { AppError } from '#kernel'
import { createClient } from './client.ts'
import { isSuspended, lockHolder } from './processes.ts'
import { readStartError } from './start-error.ts'
import type { Health, Places } from '#contracts'
import type { Clock } from '#kernel'
import type { ClientIdentity } from './client.ts'

interface HealthDeps {
  readonly places: Places
  readonly clock: Clock
  readonly identity: ClientIdentity
}

/**
 * How the daemon is, by itself; and in the same shape, that none runs or that it does not answer. Never starts one. Takes
 * `limitMs` at most (default 5,000). Rejects when it answers with a failure, and when the signal aborts: CANCELLED.
 */
export async function readHealth(
  deps: HealthDeps,
  { limitMs = answerMs, signal }: { readonly limitMs?: number; readonly signal?: AbortSignal | undefined } = {},
): Promise<Health> {
  await using client = createClient({ ...deps, connectTimeoutMs: limitMs })
  try {
    const limit = AbortSignal.any([AbortSignal.timeout(limitMs), ...(signal === undefined ? [] : [signal])])
    return await client.call('health', {}, { caller: { door: 'cli' }, signal: limit })
  } catch (error) {
    if (signal?.aborted === true) throw error
    if (!(error instanceof AppError)) throw error
    return downBecause(deps, await withLastStart(deps, reasonOf(deps, error, limitMs), error))
  }
}

interface Reason {
  readonly why: string
  readonly cure: string | null
  readonly pid: number | null
}

function reasonOf({ places }: HealthDeps, error: AppError, limitMs: number): Reason {
  const pid = lockHolder(places.lockFile) ?? null
  const cure = error.hint ?? null
  if (error.code === 'DAEMON_NOT_RUNNING') return { why: error.message, cure: 'tandem up', pid }
  if (error.code === 'DAEMON_UNREACHABLE' || (pid === null && isSilence(error)))
    return { why: error.message, cure, pid }
  if (isSilence(error)) return silenceOf(pid, limitMs)
  // Its holder is no daemon; the text names it.
  if (error.code === 'LOCK_HELD') return { why: error.message, cure, pid: null }
  if (error.kind !== 'unavailable' && error.kind !== 'denied' && error.code !== 'DESCRIPTORS_EXHAUSTED') throw error
  return { why: error.message, cure, pid }
}

/** Where none runs, why the last one could not: the next start would find the same. */
async function withLastStart({ places }: HealthDeps, reason: Reason, { code }: AppError): Promise<Reason> {
  const failure = code === 'DAEMON_NOT_RUNNING' ? await readStartError(places) : undefined
  if (failure === undefined) return reason
  const cure = failure.hint === undefined ? 'see why: tandem check' : `${failure.hint}; then: tandem up`
  return { ...reason, why: `${reason.why}; its last start failed: ${failure.message}`, cure }
}

const isSilence = ({ code }: AppError): boolean =>
  ['CANCELLED', 'DAEMON_START_TIMEOUT', 'DAEMON_SUSPENDED'].includes(code)

/** It has its lock and says nothing. */
function silenceOf(pid: number | null, limitMs: number): Reason {
  const who = pid === null ? 'the daemon' : `the daemon (pid ${pid})`
  if (pid !== null && isSuspended(pid))
    return { why: `${who} is stopped by a signal and answers nothing`, cure: `kill -CONT ${pid}`, pid }
  const why = `${who} has not answered for ${limitMs} ms`
  return { why, cure: 'if it stays so: tandem restart (turns go on then)', pid }
}

function downBecause({ places, clock }: HealthDeps, { why, cure, pid }: Reason): Health {
  const at = clock.now()
  const socket = { part: 'socket', state: 'down' as const, since: null, why, cure, looked_at: at }
  return {
    state: 'down',
    at,
    version: null,
    pid,
    log_level: null,
    idle_since: null,
    idle_shutdown_ms: 0,
    parts: [{ ...socket, details: { path: places.socketPath } }],
  }
}

const answerMs = 5000
