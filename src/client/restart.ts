import { daemonNotOurs } from './errors.ts'
import { startSupervised } from './lifecycle.ts'
import { readAddress } from './safe-socket.ts'
import { stopDaemon } from './stop-daemon.ts'
import type { LifecycleDeps } from './lifecycle.ts'
import type { DownOutcome } from './stop-daemon.ts'

export interface RestartOutcome {
  /** `started`: none was running. */
  readonly kind: 'restarted' | 'started'
  readonly pid: number
  readonly version: string
  readonly socket: string
  readonly before: {
    readonly pid: number
    /** Null when it had not written it. */
    readonly version: string | null
    /** Turns that were running; those that had not ended go on. Null when it did not answer. */
    readonly running: number | null
    readonly was_forced: boolean
  } | null
}

/**
 * Stops the daemon if one runs, and starts one in this environment. A client that needs a daemon in between starts its own: that one has
 * another environment, so it is stopped, too. DAEMON_NOT_OURS when clients are faster several times in a row.
 */
export async function restart(
  deps: LifecycleDeps,
  options: { readonly graceMs?: number } = {},
): Promise<RestartOutcome> {
  const { places } = deps
  const version = (await readAddress(places))?.version ?? null
  const before = await stopDaemon(deps, options)
  for (let tries = 1; ; tries += 1) {
    const { hello, isOurs } = await startSupervised(deps)
    const facts = { pid: hello.pid, version: hello.version, socket: places.socketPath }
    if (isOurs) return { ...outcomeOf(before, version), ...facts }
    if (tries === maxTries) throw daemonNotOurs(hello.pid, maxTries)
    await stopDaemon(deps, options)
  }
}

function outcomeOf(before: DownOutcome, version: string | null): Pick<RestartOutcome, 'kind' | 'before'> {
  if (before.kind === 'not-running') return { kind: 'started', before: null }
  const { pid, running, wasForced } = before
  return { kind: 'restarted', before: { pid, version, running, was_forced: wasForced } }
}

const maxTries = 5
