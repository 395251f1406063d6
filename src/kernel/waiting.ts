import { cancelled } from './errors.ts'
import type { Clock } from './clock.ts'

/** Resolves after `ms`; rejects with CANCELLED when `signal` aborts first. Keeps the process alive while it waits. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled('a wait', signal.reason))
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    function stop(): void {
      clearTimeout(timer)
      reject(cancelled('a wait', signal?.reason))
    }
    signal?.addEventListener('abort', stop, { once: true })
  })
}

export type Bounded<T> = { readonly kind: 'done'; readonly value: T } | { readonly kind: 'timeout' }

/** Waits for `work` at most `ms`. The work itself goes on; a later failure of it is not reported here. */
export function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<Bounded<T>> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => resolve({ kind: 'timeout' }))
    work.then(
      value => {
        timer[Symbol.dispose]()
        resolve({ kind: 'done', value })
      },
      (error: unknown) => {
        timer[Symbol.dispose]()
        reject(error)
      },
    )
  })
}

export interface BackoffOptions {
  readonly firstMs: number
  readonly maxMs: number
  /** 0 to 1; injectable for tests. */
  readonly random?: () => number
}

/** Delay before try number `attempt` (0 is the first retry): exponential, capped, with full jitter over the upper half. */
export function backoffMs(attempt: number, options: BackoffOptions): number {
  const ceiling = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt, 30))
  return Math.round(ceiling / 2 + (ceiling / 2) * (options.random ?? Math.random)())
}
