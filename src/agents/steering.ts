import type { CodexConnection } from '#codex'
import { untilTaken } from './until-taken.ts'

/** How long a steer may wait for a turn that was started just now. */
const steerWaitMs = 5000

interface LiveTurn {
  readonly connection: Pick<CodexConnection, 'steerTurn'>
  readonly threadId: string
  readonly codexTurnId: string
}

/** Passes messages into the turn that Codex is at, while it is. */
export class Steering {
  #live: { readonly turn: LiveTurn; readonly over: AbortController } | undefined

  begin(turn: LiveTurn): void {
    this.#live = { turn, over: new AbortController() }
  }

  end(): void {
    this.#live?.over.abort()
    this.#live = undefined
  }

  /** False when Codex is not at it right now. */
  async steer(text: string): Promise<boolean> {
    if (this.#live === undefined) return false
    const { turn, over } = this.#live
    const { connection, threadId, codexTurnId } = turn
    const isLate = AbortSignal.any([over.signal, AbortSignal.timeout(steerWaitMs)])
    try {
      await untilTaken(() => connection.steerTurn({ threadId, codexTurnId, text }), isLate)
      return true
    } catch (error) {
      if (over.signal.aborted) return false
      throw error
    }
  }
}
