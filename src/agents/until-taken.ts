import { AppError, sleep } from '#kernel'

const askAgainMs = 50

/**
 * Asks Codex something of a turn that may have been started just now: between its answer to `turn/start` and its
 * `turn-started` event it refuses that (0.169.0). Refused for good when `signal` has aborted: it must, as a turn that
 * has ended is refused in the same words.
 */
export async function untilTaken(ask: () => Promise<void>, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (!mayBeTakenLater(error)) throw error
      await sleep(askAgainMs, signal).catch(() => undefined)
      if (signal.aborted) throw error
    }
  }
}

/** In the same moment the end of an earlier turn of the thread may still be under way: then it is the wrong turn. */
function mayBeTakenLater(error: unknown): boolean {
  const codes = ['CODEX_NO_ACTIVE_TURN', 'CODEX_WRONG_TURN', 'CODEX_BUSY']
  return error instanceof AppError && codes.includes(error.code)
}
