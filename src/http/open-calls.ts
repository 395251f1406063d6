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
  const open = new Set<OpenCall>()
  let isClosed = false
  return {
    get count() {
      return open.size
    },
    async run(left, work) {
      if (isClosed) throw doorClosing()
      if (open.size >= max) throw tooManyHttpCalls(max)
      const call = openCall(left)
      open.add(call)
      try {
        return await Promise.race([work(call.signal), call.isClosed])
      } finally {
        open.delete(call)
        call[Symbol.dispose]()
      }
    },
    close() {
      isClosed = true
      for (const call of open) call.close()
    },
  }
}

interface OpenCall extends Disposable {
  readonly signal: AbortSignal
  /** Only ever rejects. */
  readonly isClosed: Promise<never>
  close(): void
}

/**
 * Has a promise and a signal of its own: each promise that is raced, and each signal that is joined with another, keeps what was made of it
 * for as long as it lives, and one for the whole door lives as long as the daemon.
 */
function openCall(left: AbortSignal): OpenCall {
  const closed = Promise.withResolvers<never>()
  const detached = new AbortController()
  const leave = (): void => detached.abort(left.reason)
  if (left.aborted) leave()
  else left.addEventListener('abort', leave, { once: true })
  return {
    signal: detached.signal,
    isClosed: closed.promise,
    close() {
      closed.reject(doorClosing())
      detached.abort()
    },
    [Symbol.dispose]: () => left.removeEventListener('abort', leave),
  }
}
