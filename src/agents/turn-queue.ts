import type { AgentId, TurnId } from '#kernel'

interface Waiting {
  readonly id: TurnId
  readonly agentId: AgentId
}

/**
 * Turns in the order they were accepted. One agent runs one turn at a time (Codex would silently take a second
 * `turn/start` as a steer), and at most `maxRunning` run in all; a busy agent does not hold up the others behind it.
 */
export class TurnQueue<T extends Waiting> {
  readonly #maxRunning: number
  readonly #running = new Map<TurnId, AgentId>()
  #waiting: T[] = []

  constructor(maxRunning: number) {
    this.#maxRunning = maxRunning
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  get runningCount(): number {
    return this.#running.size
  }

  add(turn: T): void {
    this.#waiting.push(turn)
  }

  /** The next turn that may run, now counted as running; undefined when none may. */
  take(): T | undefined {
    if (this.#running.size >= this.#maxRunning) return undefined
    const busy = new Set(this.#running.values())
    const next = this.#waiting.find(turn => !busy.has(turn.agentId))
    if (next === undefined) return undefined
    this.remove(next.id)
    this.#running.set(next.id, next.agentId)
    return next
  }

  has(turnId: TurnId): boolean {
    return this.#waiting.some(turn => turn.id === turnId)
  }

  /** Takes a waiting turn out; false when it does not wait. */
  remove(turnId: TurnId): boolean {
    const before = this.#waiting.length
    this.#waiting = this.#waiting.filter(turn => turn.id !== turnId)
    return this.#waiting.length < before
  }

  ended(turnId: TurnId): void {
    this.#running.delete(turnId)
  }
}
