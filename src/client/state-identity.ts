import { statSync } from 'node:fs'
import { daemonOfOtherState } from './errors.ts'
import type { HelloResult, Places } from '#contracts'

/**
 * Which directory this is, whatever its name: what a copy of it does not have. Undefined when there is none.
 * A directory that is moved, or seen by another name (a bind mount), stays the same.
 */
export function stateIdentityOf({ stateDir }: Pick<Places, 'stateDir'>): string | undefined {
  try {
    const { dev, ino } = statSync(stateDir, { bigint: true })
    return `${dev}:${ino}`
  } catch {
    // Not there, or out of reach.
    return undefined
  }
}

/** DAEMON_OF_OTHER_STATE: asking that one would write into its store, and end it. An older daemon does not tell. */
export function assertOfThisState(places: Places, path: string, hello: HelloResult): void {
  const { pid, state_dir: other = '?', state_identity: theirs } = hello
  if (theirs === undefined || theirs === stateIdentityOf(places)) return
  throw daemonOfOtherState(path, pid, { own: places.stateDir, other })
}
