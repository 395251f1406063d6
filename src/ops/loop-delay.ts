import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Probe } from './health-part.ts'
import type { Clock } from '#kernel'

/**
 * How late the event loop is: over the last half to whole minute, in milliseconds. Two histograms that are emptied in turn, because one
 * alone would know of nothing right after it was emptied.
 */
export function watchLoopDelay(deps: { readonly clock: Clock; readonly maxMs: number }): Probe & Disposable {
  const open = (): ReturnType<typeof monitorEventLoopDelay> => {
    const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
    histogram.enable()
    return histogram
  }
  let [older, newer] = [open(), open()]
  let timer = deps.clock.after(halfMs, turn)

  function turn(): void {
    older.reset()
    ;[older, newer] = [newer, older]
    timer = deps.clock.after(halfMs, turn)
  }

  return {
    name: 'event loop',
    isVital: false,
    everyMs: 10_000,
    maxAgeMs: 0,
    lateMs: 1000,
    look() {
      // What it measures is the time between two runs of a timer, so the timer's own time is in it.
      const delay = (percent: number): number => Math.max(0, Math.round(older.percentile(percent) / 1e6 - resolutionMs))
      const isEmpty = older.count === 0
      const [p50, p99] = isEmpty ? [0, 0] : [delay(50), delay(99)]
      const details = { p50_ms: p50, p99_ms: p99, max_ms: isEmpty ? 0 : delay(100), max_p99_ms: deps.maxMs }
      if (p99 <= deps.maxMs) return { state: 'healthy', details }
      return {
        state: 'degraded',
        why: `one answer in a hundred is ${p99} ms late; ${deps.maxMs} are usual at most`,
        cure: 'see what else the machine does (top); if it is Tandem itself, report it with the lines of `tandem logs`',
        details,
      }
    },
    [Symbol.dispose]() {
      timer[Symbol.dispose]()
      older.disable()
      newer.disable()
    },
  }
}

/** Each look wakes the processor: seldom enough for one that has nothing else to do. */
const resolutionMs = 100
const halfMs = 30_000
