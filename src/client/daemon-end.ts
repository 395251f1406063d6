import { existsSync, statSync } from 'node:fs'
import { sleep } from '#kernel'
import { isGoneWithin, lockHolder, ownNumberOf } from './processes.ts'
import type { Places } from '#contracts'
import type { Clock } from '#kernel'

/**
 * Waits for the end of the daemon that told us its number. In another PID namespace (a container that shares our directories)
 * that number is nobody's here, or somebody else's: then the lock tells, whose file goes last of all.
 */
export async function isDaemonGoneWithin(
  { clock, places, signal }: { readonly clock: Clock; readonly places: Places; readonly signal?: AbortSignal },
  pid: number,
  limitMs: number,
): Promise<boolean> {
  const here = daemonHere(places.lockFile, pid)
  if (here !== undefined) return await isGoneWithin(clock, here, limitMs, signal)
  const until = clock.monotonic() + limitMs
  const file = identityOf(places.lockFile)
  while (isLeft(places, file)) {
    if (clock.monotonic() > until) return false
    await sleep(20, signal)
  }
  return true
}

/**
 * The number here of the daemon that told its own: it holds the lock. Undefined when it is not visible here, or gone. Without
 * a /proc its word is taken, which is good enough to wait for it.
 */
export function daemonHere(lockFile: string, pid: number): number | undefined {
  const holder = lockHolder(lockFile)
  if (holder === undefined) return pid
  return holder !== null && ownNumberOf(holder) === pid ? holder : undefined
}

function isLeft({ lockFile, socketPath }: Places, file: string | undefined): boolean {
  // The next one has the lock.
  if (typeof lockHolder(lockFile) === 'number') return false
  const now = identityOf(lockFile)
  return now === undefined ? existsSync(socketPath) : now === file
}

function identityOf(file: string): string | undefined {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.dev}:${found.ino}:${found.birthtimeNs}`
}
