import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { logDayOf, setAsideLogs, setAsideName } from '#contracts'

/** The log as it is being written. */
export interface OpenFile {
  readonly fd: number
  size: number
  /** The day (UTC) of what is in it. */
  readonly day: string
  /** When that day is over. */
  readonly dayEndsAtMs: number
}

/** Opens it at its end, made when missing, readable for its owner alone; never through a link. */
export function openPrivate(file: string, nowMs: number): OpenFile {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  // Without O_NONBLOCK a FIFO in its place would hold us until somebody reads it.
  const fd = openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  try {
    const { size, mtimeMs } = fstatSync(fd)
    fchmodSync(fd, 0o600)
    const day = logDayOf(size === 0 ? nowMs : mtimeMs)
    return { fd, size, day, dayEndsAtMs: Date.parse(day) + dayMs }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** Whether the path still leads to the open file: it may have been removed, or its directory. */
export function isStillThere(file: string, { fd }: OpenFile): boolean {
  const found = lstatSync(file, { throwIfNoEntry: false })
  const open = fstatSync(fd)
  return found !== undefined && found.ino === open.ino && found.dev === open.dev
}

/** Gives the log the name of its day, and removes the oldest of those that were set aside before. */
export function setAside(file: string, { day }: OpenFile, maxFiles: number): void {
  const [directory, log] = [dirname(file), basename(file)]
  const there = readdirSync(directory)
  renameSync(file, join(directory, setAsideName(log, day, there)))
  const old = setAsideLogs(log, readdirSync(directory)).map(name => join(directory, name))
  for (const one of old.slice(0, -maxFiles)) if (!isStandardError(one)) rmSync(one, { force: true })
}

/**
 * Under the supervisor standard error is the log as it was when the daemon started. What a dying process says goes there,
 * so that file is kept for as long as it is written to.
 */
function isStandardError(file: string): boolean {
  try {
    const [found, open] = [lstatSync(file), fstatSync(2)]
    return found.ino === open.ino && found.dev === open.dev
  } catch {
    // Standard error is closed, or the file is gone already.
    return false
  }
}

const dayMs = 86_400_000
