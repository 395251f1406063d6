import type { Clock } from '#kernel'

/**
 * Waits, and keeps the program running meanwhile: timers of the clock do not. Resolves early when the signal aborts.
 */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const alive = setInterval(() => undefined, 2 ** 30)
    const timer = clock.after(ms, end)
    function end(): void {
      clearInterval(alive)
      timer[Symbol.dispose]()
      signal?.removeEventListener('abort', end)
      resolve()
    }
    signal?.addEventListener('abort', end, { once: true })
    if (signal?.aborted === true) end()
  })
}
