import { readFile, stat } from 'node:fs/promises'
import { sleep } from '#kernel'

/**
 * Which other process keeps writing into an SQLite database, by the kernel's table of locks (proc_locks(5)): undefined for none, and where there
 * is no such table. One that is only about to end its transaction is not meant: it is looked at twice. Nor is `daemon`, which may write.
 */
export async function writerOf(file: string, daemon?: number | null): Promise<number | undefined> {
  const first = await lookFor(file, daemon)
  if (first === undefined) return undefined
  await sleep(betweenMs)
  const second = await lookFor(file, daemon)
  return second === first ? first : undefined
}

async function lookFor(file: string, daemon: number | null | undefined): Promise<number | undefined> {
  const table = await readFile('/proc/locks', 'utf8').catch(() => '')
  // With a write-ahead log the locks are on the shared memory beside the file (sqlite.org/walformat, 2.3).
  const inodes = (await Promise.all([inodeOf(file), inodeOf(`${file}-shm`)])).filter(inode => inode !== undefined)
  for (const line of table.split('\n')) {
    const [, kind, , mode, pid, place = ''] = line.trim().split(/\s+/)
    const isHeld = kind === 'POSIX' && mode === 'WRITE' && inodes.some(inode => place.endsWith(`:${inode}`))
    if (isHeld && Number(pid) !== process.pid && Number(pid) !== daemon) return Number(pid)
  }
  return undefined
}

async function inodeOf(file: string): Promise<bigint | undefined> {
  return stat(file, { bigint: true }).then(
    found => found.ino,
    () => undefined,
  )
}

const betweenMs = 300
