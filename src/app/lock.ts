import { closeSync, constants, openSync, rmSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { lockHeldBy, strangerAtLock } from '#client'
import { addressFileSchema } from '#contracts'
import { messageOf, sleep } from '#kernel'
import { alreadyRunning, lockUnusable } from './errors.ts'
import type { Places } from '#contracts'
import type { AppError, Clock } from '#kernel'

/** Held by the one daemon of a state directory. The kernel releases it when the process ends, however it ends. */
export interface DaemonLock extends Disposable {
  readonly file: string
}

/**
 * Takes the lock or rejects with DAEMON_ALREADY_RUNNING after `waitMs`. An exclusive SQLite transaction, because Node has
 * no other lock that the kernel gives back after kill -9. POSIX locks go when *any* descriptor of the file is closed in
 * this process, so the file is opened once and never read by anything else here.
 */
export async function takeLock(
  places: Pick<Places, 'lockFile' | 'addressFile'>,
  clock: Clock,
  waitMs = lockWaitMs,
): Promise<DaemonLock> {
  const until = clock.monotonic() + waitMs
  for (;;) {
    const lock = tryOnce(places.lockFile)
    if (lock !== undefined) return lock
    if (clock.monotonic() >= until) throw await reasonOf(places)
    // Jitter: of many that start together none must keep missing the same gap.
    await sleep(20 + Math.random() * 60)
  }
}

async function reasonOf({ addressFile, lockFile }: Pick<Places, 'lockFile' | 'addressFile'>): Promise<AppError> {
  const stranger = strangerAtLock(lockFile)
  await sleep(betweenMs)
  // Twice: a daemon that starts or ends passes through the same state.
  if (stranger !== undefined && strangerAtLock(lockFile) === stranger) return lockHeldBy(lockFile, stranger)
  return alreadyRunning(await pidOf(addressFile), lockFile)
}

function tryOnce(file: string): DaemonLock | undefined {
  try {
    closeSync(openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600))
    const before = identityOf(file)
    const database = new DatabaseSync(file, { timeout: 0 })
    if (begin(database) && before !== undefined && identityOf(file) === before) return held(file, database)
    // Another one has it; or it is the file that a daemon, when it ended, removed between our two looks.
    database.close()
    return undefined
  } catch (error) {
    throw lockUnusable(file, error, messageOf(error))
  }
}

function begin(database: DatabaseSync): boolean {
  try {
    // In memory: an exclusive transaction would leave a journal file behind a crash.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (isBusy(error)) return false
    database.close()
    throw error
  }
}

function held(file: string, database: DatabaseSync): DaemonLock {
  return {
    file,
    [Symbol.dispose]() {
      // Removed while it is still held: who opened it before finds another file, or none, under the name, and starts over.
      rmSync(file, { force: true })
      database.close()
    },
  }
}

/** Which file has the name now, without opening it. The time of birth tells a file from a later one with its inode. */
function identityOf(file: string): string | undefined {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false })
  return found === undefined ? undefined : `${found.dev}:${found.ino}:${found.birthtimeNs}`
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && (error.errcode === 5 || error.errcode === 6)
}

async function pidOf(addressFile: string): Promise<number | undefined> {
  try {
    return addressFileSchema.parse(JSON.parse(await readFile(addressFile, 'utf8'))).pid
  } catch {
    // It only makes the message better.
    return undefined
  }
}

const lockWaitMs = 800
const betweenMs = 100
