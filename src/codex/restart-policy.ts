import { backoffMs } from '#kernel'
import type { Clock } from '#kernel'

export interface RestartLimits {
  /** So many crashes within `windowMs` open the breaker for `openMs`; then one try, and the next crash opens it again. */
  readonly maxCrashes: number
  readonly windowMs: number
  readonly openMs: number
  readonly firstDelayMs: number
  readonly maxDelayMs: number
}

export type RestartVerdict = { readonly kind: 'retry' | 'open'; readonly delayMs: number }

export interface RestartPolicy {
  /** Says when the next try may be. */
  crashed(): RestartVerdict
}

export const defaultRestartLimits: RestartLimits = {
  maxCrashes: 5,
  windowMs: 60_000,
  openMs: 30_000,
  firstDelayMs: 100,
  maxDelayMs: 5000,
}

export function createRestartPolicy(deps: {
  readonly clock: Clock
  readonly limits: RestartLimits
  readonly random?: (() => number) | undefined
}): RestartPolicy {
  const { clock, limits } = deps
  let crashes: number[] = []
  return {
    crashed() {
      const now = clock.monotonic()
      crashes = [...crashes, now].filter(at => now - at < limits.windowMs).slice(-limits.maxCrashes)
      if (crashes.length >= limits.maxCrashes) return { kind: 'open', delayMs: limits.openMs }
      const options = { firstMs: limits.firstDelayMs, maxMs: limits.maxDelayMs }
      const random = deps.random === undefined ? {} : { random: deps.random }
      return { kind: 'retry', delayMs: backoffMs(crashes.length - 1, { ...options, ...random }) }
    },
  }
}
