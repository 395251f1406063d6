import { readFileLocks } from '#client'
import { sleep } from '#kernel'

/**
 * Which other process keeps writing into an SQLite database: undefined for none, and where that cannot be told. One that is
 * only about to end its transaction is not meant: it is looked at twice. Nor is `daemon`, which may write.
 */
export async function writerOf(file: string, daemon?: number | null): Promise<number | undefined> {
  const first = lookFor(file, daemon)
  if (first === undefined) return undefined
  await sleep(betweenMs)
  const second = lookFor(file, daemon)
  return second === first ? first : undefined
}

function lookFor(file: string, daemon: number | null | undefined): number | undefined {
  // With a write-ahead log the locks are on the shared memory beside the file (sqlite.org/walformat, 2.3).
  const locks = [file, `${file}-shm`].flatMap(path => readFileLocks(path) ?? [])
  return locks.find(({ mode, pid }) => mode === 'WRITE' && pid !== process.pid && pid !== daemon)?.pid
}

const betweenMs = 300
