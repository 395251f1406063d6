import { AppError, sleep } from '#kernel'
import type { CodexConnection, CodexHost } from '#codex'

/** While Codex does not start, a turn that had begun looks again so often, with this pause: two minutes and more. */
const maxWaits = 24
const pauseMs = 5000

/** Gets the connection for the rounds of one turn. */
export interface PatientConnector {
  /** Undefined when there is none yet (another round) or the turn was stopped while waiting for it. */
  connect(turn: { readonly hasBegun: boolean }): Promise<CodexConnection | undefined>
}

export function createPatientConnector(deps: {
  readonly codex: Pick<CodexHost, 'connection'>
  readonly startMs: number
  readonly stopped: Promise<unknown>
}): PatientConnector {
  let waits = 0
  return {
    async connect({ hasBegun }) {
      const abort = new AbortController()
      const got = deps.codex.connection({ signal: abort.signal, timeoutMs: deps.startMs })
      try {
        return await Promise.race([got, deps.stopped.then(() => undefined)])
      } catch (error) {
        if (!hasBegun || !mayPass(error) || waits >= maxWaits) throw error
        // Codex may have this turn already: it is not given up for a crash loop that may be over in a moment.
        waits += 1
        await Promise.race([sleep(pauseMs, abort.signal).catch(() => undefined), deps.stopped])
        return undefined
      } finally {
        abort.abort()
        got.catch(() => undefined /* nobody waits for it any more */)
      }
    },
  }
}

/** Codex does not start now, but may in a moment. */
function mayPass(error: unknown): boolean {
  const codes = ['CODEX_BREAKER_OPEN', 'CODEX_START_TIMEOUT', 'CODEX_UNAVAILABLE']
  return error instanceof AppError && codes.includes(error.code)
}
