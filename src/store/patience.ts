import { backoffMs, sleep } from '#kernel'

export interface Patience {
  /** Tries in all. */
  readonly tries: number
  readonly isWorthAnother: (error: unknown) => boolean
  readonly signal: AbortSignal
}

const pause = { firstMs: 100, maxMs: 2000 }

/** Tries again what may soon work, with growing pauses; rejects as the last try did. */
export async function patiently<T>(patience: Patience, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      if (tries >= patience.tries || patience.signal.aborted || !patience.isWorthAnother(error)) throw error
    }
    // Somebody who closes the store meanwhile gets one more try, at once.
    await sleep(backoffMs(tries - 1, pause), patience.signal).catch(() => undefined)
  }
}
