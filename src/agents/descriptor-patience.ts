import { AppError, backoffMs, messageOf, within } from '#kernel'
import type { Clock, Log } from '#kernel'

/** For each thing that a turn does; a turn that lives for hours may meet it again. */
const patienceMs = 90_000
const pause = { firstMs: 500, maxMs: 5000 }

/** Does the work, again as long as no more files may be open. */
export type DescriptorPatience = <T>(work: () => Promise<T>) => Promise<T>

/**
 * When no more files may be open, nothing is wrong with the one that was to be read: a turn that was accepted waits until some of the
 * others are closed. Once it is stopped, it does not wait.
 */
export function createDescriptorPatience(deps: {
  readonly clock: Clock
  readonly log: Log
  readonly stopped: Promise<unknown>
}): DescriptorPatience {
  return async work => {
    const until = deps.clock.monotonic() + patienceMs
    for (let waits = 0; ; waits += 1) {
      try {
        return await work()
      } catch (error) {
        if (!isExhausted(error) || deps.clock.monotonic() >= until) throw error
        deps.log.warn({ error: messageOf(error), waits }, 'a turn waits for files to be closed')
        const waited = await within(deps.clock, backoffMs(waits, pause), deps.stopped)
        if (waited.kind === 'done') throw error
      }
    }
  }
}

const isExhausted = (error: unknown): boolean => error instanceof AppError && error.code === 'DESCRIPTORS_EXHAUSTED'
