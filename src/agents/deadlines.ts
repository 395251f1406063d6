import type { Clock } from '#kernel'

/** Why a running turn was given up. */
export type Deadline = 'first-event' | 'silence' | 'retrying' | 'total'

export interface DeadlineLimits {
  readonly firstEventMs: number
  readonly silenceMs: number
  readonly retryingMs: number
  /** For the whole turn: what earlier attempts took counts (`spentMs`), but only those of this life of the daemon. */
  readonly totalMs: number
}

interface Due {
  readonly deadline: Deadline
  /** Since when the limit counts, and when it is reached. */
  readonly from: number
  readonly at: number
}

/**
 * Watches one running turn. Exactly one of its limits fires, at most once: no sign of life of the model since the start;
 * no event at all; an upstream that is being retried without progress; the whole time. Dispose it when the turn ends.
 */
export class DeadlineWatch implements Disposable {
  readonly #clock: Clock
  readonly #limits: DeadlineLimits
  readonly #onDeadline: (deadline: Deadline, afterMs: number) => void
  readonly #startedAt: number
  readonly #totalFrom: number
  #lastEventAt: number
  #retryingSince: number | undefined
  #hasProgressed = false
  #isOver = false
  #timer: Disposable | undefined

  constructor(
    clock: Clock,
    limits: DeadlineLimits & { readonly spentMs?: number },
    onDeadline: (deadline: Deadline, afterMs: number) => void,
  ) {
    this.#clock = clock
    this.#limits = limits
    this.#onDeadline = onDeadline
    this.#startedAt = clock.monotonic()
    this.#totalFrom = this.#startedAt - (limits.spentMs ?? 0)
    this.#lastEventAt = this.#startedAt
    this.#arm()
  }

  /** The model or a command showed progress. */
  progressed(): void {
    const isNews = this.#retryingSince !== undefined || !this.#hasProgressed
    this.#hasProgressed = true
    this.#retryingSince = undefined
    this.#lastEventAt = this.#clock.monotonic()
    // Thousands of events must not re-arm a timer each: it looks at #lastEventAt when it fires.
    if (isNews) this.#arm()
  }

  /** Codex reported that it tries its upstream again. */
  retrying(): void {
    this.#lastEventAt = this.#clock.monotonic()
    if (this.#retryingSince !== undefined) return
    this.#retryingSince = this.#lastEventAt
    this.#arm()
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#timer?.[Symbol.dispose]()
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]()
    if (this.#isOver) return
    this.#timer = this.#clock.after(Math.max(0, this.#next().at - this.#clock.monotonic()), () => this.#check())
  }

  #check(): void {
    if (this.#isOver) return
    const next = this.#next()
    if (next.at > this.#clock.monotonic()) return this.#arm()
    this.#isOver = true
    this.#onDeadline(next.deadline, Math.round(this.#clock.monotonic() - next.from))
  }

  #next(): Due {
    const limits = this.#limits
    const due = (deadline: Deadline, from: number, afterMs: number): Due => ({ deadline, from, at: from + afterMs })
    const candidates = [due('total', this.#totalFrom, limits.totalMs)]
    if (this.#retryingSince !== undefined) candidates.push(due('retrying', this.#retryingSince, limits.retryingMs))
    else if (!this.#hasProgressed) candidates.push(due('first-event', this.#startedAt, limits.firstEventMs))
    if (this.#hasProgressed) candidates.push(due('silence', this.#lastEventAt, limits.silenceMs))
    return candidates.reduce((first, other) => (other.at < first.at ? other : first))
  }
}
