import { lockHeld, lockHeldByCopy } from './errors.ts'
import { isStoreCopy } from './processes.ts'
import type { AppError } from '#kernel'

/** LOCK_HELD, for who holds the daemon's lock and is none. */
export function lockHeldBy(lockFile: string, pid: number): AppError {
  return isStoreCopy(pid) ? lockHeldByCopy(lockFile, pid) : lockHeld(lockFile, pid)
}
