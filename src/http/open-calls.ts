import { doorClosing, tooManyHttpCalls } from './errors.ts'

/** The calls that wait, bounded. `close` answers them all. */
export interface OpenCalls {
  readonly count: number
  /**
   * Runs a call until it answers, the door closes (DAEMON_STOPPING), or `left` aborts: then it is detached, and what it set going goes
   * on. Rejects with HTTP_TOO_MANY_CALLS when there is no place.
   */
  run<T>(left: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  close(): void
}

export function createOpenCalls(max: number): OpenCalls {
  const closing = new AbortController()
  const isClosed = Promise.withResolvers<never>()
  // Nobody may be waiting.
  isClosed.promise.catch(() => undefined)
  let count = 0
  return {
    get count() {
      return count
    },
    async run(left, work) {
      if (closing.signal.aborted) throw doorClosing()
      if (count >= max) throw tooManyHttpCalls(max)
      count += 1
      try {
        return await Promise.race([work(AbortSignal.any([left, closing.signal])), isClosed.promise])
      } finally {
        count -= 1
      }
    },
    close() {
      isClosed.reject(doorClosing())
      closing.abort()
    },
  }
}
