/** Time as a dependency, so that tests own it. */
export interface Clock {
  /** Wall clock, milliseconds since the epoch. For records, never for deadlines. */
  now(): number
  /** Monotonic milliseconds. For deadlines: it does not jump with the wall clock. */
  monotonic(): number
  /** Runs `task` once after `ms`; dispose it to cancel. Never keeps the process alive. */
  after(ms: number, task: () => void): Disposable
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    // setTimeout treats anything over 2^31-1 as 1 ms.
    const timer = setTimeout(task, Math.min(ms, 2 ** 31 - 1))
    timer.unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}

/** A clock that moves only when told to: `advance(ms)` runs due timers in order. */
export interface FakeClock extends Clock {
  advance(ms: number): void
}

export function createFakeClock(startMs = 1_700_000_000_000): FakeClock {
  let elapsed = 0
  let timers: { readonly due: number; readonly task: () => void }[] = []
  return {
    now: () => startMs + elapsed,
    monotonic: () => elapsed,
    after(ms, task) {
      const timer = { due: elapsed + ms, task }
      timers.push(timer)
      return { [Symbol.dispose]: () => void (timers = timers.filter(other => other !== timer)) }
    },
    advance(ms) {
      const until = elapsed + ms
      for (;;) {
        const next = timers.filter(timer => timer.due <= until).sort((a, b) => a.due - b.due)[0]
        if (next === undefined) break
        timers = timers.filter(timer => timer !== next)
        elapsed = Math.max(elapsed, next.due)
        next.task()
      }
      elapsed = until
    },
  }
}
