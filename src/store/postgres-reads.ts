import type { Pool } from 'pg'
import { databaseFailed, storeClosed, storeReadsBusy } from './errors.ts'
import { patiently } from './patience.ts'
import type { Run } from './postgres-dialect.ts'
import { maySoonBeBack, postgresErrorOf } from './postgres-errors.ts'
import type { PostgresPlace } from './postgres-place.ts'

const readTries = 6
/** A read with all its tries; a server that takes connections and says nothing must not hold up whoever asks. */
const readMs = 10_000
/** Reads that wait for one of the connections. */
const maxWaiting = 1000
const endMs = 1000

/** Reading twice does no harm: a lost connection is nothing that a reader need know of. */
export function readingFrom(pool: Pool, place: PostgresPlace, closing: AbortSignal): Run {
  return async (text, values) => {
    if (closing.aborted) throw storeClosed()
    if (pool.waitingCount >= maxWaiting) throw storeReadsBusy(place.label, pool.waitingCount)
    const late = new AbortController()
    const tooLate = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      tooLate.reject(databaseFailed(place.label, `it did not answer a read within ${readMs / 1000} seconds`))
      late.abort()
    }, readMs)
    const patience = {
      tries: readTries,
      isWorthAnother: (error: unknown) => !late.signal.aborted && maySoonBeBack(error),
      signal: AbortSignal.any([closing, late.signal]),
    }
    try {
      return await Promise.race([patiently(patience, () => pool.query({ text, values })), tooLate.promise])
    } catch (error) {
      throw postgresErrorOf(place.label, error)
    } finally {
      clearTimeout(timer)
    }
  }
}

/** Never waits long for a server that has gone. */
export async function endPool(pool: Pool): Promise<void> {
  const ended = Promise.withResolvers<void>()
  const giveUp = setTimeout(ended.resolve, endMs)
  await Promise.race([pool.end(), ended.promise])
  clearTimeout(giveUp)
}
