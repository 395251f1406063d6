import { within } from '#kernel'
import type { HealthState, PartHealth } from '#contracts'
import { Part } from './health-part.ts'
import type { PartDeps, Probe } from './health-part.ts'

export interface WatchedPart extends Disposable {
  /** Looks now, because something has changed. */
  look(): void
}

/** Looks at parts in the background. Disposing ends that; what hangs is let go. */
export interface HealthRegistry extends Disposable {
  add(probe: Probe): WatchedPart
  /** How each part is, in the order in which they were added. Takes at most `waitMs`, whatever hangs. */
  report(waitMs: number): Promise<{ readonly state: HealthState; readonly parts: PartHealth[] }>
}

/** `onChange` is told of every change of a part's state, and of a first one that is not healthy. */
export function createHealthRegistry(deps: PartDeps): HealthRegistry {
  const parts = new Set<Part>()
  return {
    add(probe) {
      const part = new Part(probe, deps)
      parts.add(part)
      return {
        look: () => void part.look(),
        [Symbol.dispose]() {
          parts.delete(part)
          part[Symbol.dispose]()
        },
      }
    },
    async report(waitMs) {
      const looks = Array.from(parts, part => part.fresh())
      await within(deps.clock, waitMs, Promise.all(looks))
      return { state: overallOf(parts), parts: Array.from(parts, part => part.describe()) }
    },
    [Symbol.dispose]() {
      for (const part of parts) part[Symbol.dispose]()
      parts.clear()
    },
  }
}

/** Down only when a vital part is; anything else that is wrong leaves a daemon that works. */
function overallOf(parts: ReadonlySet<Part>): HealthState {
  const all = Array.from(parts)
  if (all.some(part => part.probe.isVital && part.state === 'down')) return 'down'
  return all.every(part => part.state === 'healthy') ? 'healthy' : 'degraded'
}
