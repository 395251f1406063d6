import { verbs as descriptions } from '#contracts'
import { daemonStopping } from './errors.ts'
import type { VerbName } from '#contracts'

/**
 * While the daemon stops, looking, waiting and ending go on, and new work does not begin: throws DAEMON_STOPPING for that.
 * `stopping` is why no new work is taken, or undefined while it is.
 */
export function assertAccepting(verb: VerbName, stopping: string | undefined): void {
  if (stopping === undefined || descriptions[verb].annotations.isReadOnly) return
  if (verb !== 'cancel' && verb !== 'shutdown') throw daemonStopping(stopping)
}
