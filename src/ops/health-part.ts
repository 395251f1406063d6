import { AppError, errorShapeOf } from '#kernel'
import type { HealthState, PartHealth } from '#contracts'
import type { Clock } from '#kernel'

/** What a look at a part found. */
export interface Finding {
  readonly state: HealthState
  /** What is wrong; left out when nothing is. */
  readonly why?: string | undefined
  readonly cure?: string | undefined
  readonly details?: Readonly<Record<string, unknown>>
}

/** A part, and how to look at it. */
export interface Probe {
  readonly name: string
  /** Without it there is nothing that the daemon could do: when it is down, so is all. */
  readonly isVital: boolean
  /** It is looked at so often by itself. */
  readonly everyMs: number
  /** A report takes what is no older; otherwise it looks anew. */
  readonly maxAgeMs: number
  /** No answer by then: degraded. An answer that took longer is a degraded one, too. */
  readonly lateMs: number
  /** No answer by then: down. Default: it stays degraded. */
  readonly lostMs?: number
  /** Asked while there is no answer: what it may be waiting for. */
  readonly whyLate?: () => Promise<AppError | undefined>
  readonly look: () => Finding | Promise<Finding>
}

export interface HealthChange {
  readonly part: string
  /** Null: the first look at it. */
  readonly from: HealthState | null
  readonly to: HealthState
  readonly why: string | null
}

export interface PartDeps {
  readonly clock: Clock
  readonly onChange: (change: HealthChange) => void
}

/** What is known of a part, and the one look that may be under way. */
export class Part implements Disposable {
  readonly probe: Probe
  readonly #deps: PartDeps
  #finding: Finding | undefined
  #since: number | null = null
  #lookedAt: { readonly wall: number; readonly monotonic: number } | undefined
  #looking: Promise<void> | undefined
  #timer: Disposable
  #isOver = false

  constructor(probe: Probe, deps: PartDeps) {
    this.probe = probe
    this.#deps = deps
    this.#timer = this.#lookLater()
  }

  get state(): HealthState {
    return this.#finding?.state ?? 'degraded'
  }

  describe(): PartHealth {
    const { state, why = null, cure = null, details = {} } = this.#finding ?? notYet
    const [since, lookedAt] = [this.#since, this.#lookedAt?.wall ?? null]
    return { part: this.probe.name, state, since, why, cure, looked_at: lookedAt, details: { ...details } }
  }

  /** Resolves when what is known is new enough; as late as the look itself. */
  async fresh(): Promise<void> {
    const age = this.#lookedAt === undefined ? Infinity : this.#deps.clock.monotonic() - this.#lookedAt.monotonic
    if (this.#looking === undefined && age <= this.probe.maxAgeMs) return
    await this.look()
  }

  /** A second look while one is under way is the same one: a part that hangs does not pile up looks. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined
      this.#timer[Symbol.dispose]()
      if (!this.#isOver) this.#timer = this.#lookLater()
    })
    return this.#looking
  }

  [Symbol.dispose](): void {
    this.#isOver = true
    this.#timer[Symbol.dispose]()
  }

  async #lookOnce(): Promise<void> {
    const { clock } = this.#deps
    const beganAt = clock.monotonic()
    using _waiting = this.#tellWhenLate()
    const finding = await this.#find()
    this.#lookedAt = { wall: clock.now(), monotonic: clock.monotonic() }
    const tookMs = Math.round(this.#lookedAt.monotonic - beganAt)
    const isSlow = tookMs > this.probe.lateMs && finding.state === 'healthy'
    this.#become(isSlow ? { ...finding, state: 'degraded', why: `it took ${tookMs} ms to answer` } : finding)
  }

  async #find(): Promise<Finding> {
    try {
      return await this.probe.look()
    } catch (error) {
      const { message, hint, code } = errorShapeOf(error)
      // Being busy passes; anything else means that it does not work.
      const isBusy = error instanceof AppError && error.kind === 'busy'
      return {
        state: this.probe.isVital && !isBusy ? 'down' : 'degraded',
        why: message,
        cure: hint,
        details: { code },
      }
    }
  }

  #tellWhenLate(): Disposable {
    const { lateMs, lostMs } = this.probe
    const waiting = new DisposableStack()
    const explain = async (afterMs: number, state: HealthState): Promise<void> => {
      // It is an addition to what is known already, so it may fail.
      const reason = await this.probe.whyLate?.().catch(() => undefined)
      if (reason === undefined || waiting.disposed) return
      const { message, hint, code } = reason
      const why = `it has not answered for ${afterMs} ms: ${message}`
      this.#become({ state, why, cure: hint, details: { code } })
    }
    const tell = (afterMs: number, state: HealthState): void => {
      const late = (): void => {
        // What was down at the last answer has not become better by giving none.
        if (rankOf[state] < rankOf[this.#finding?.state ?? 'healthy']) return
        this.#become({ state, why: `it has not answered for ${afterMs} ms` })
        void explain(afterMs, state)
      }
      waiting.use(this.#deps.clock.after(afterMs, late))
    }
    tell(lateMs, 'degraded')
    if (lostMs !== undefined) tell(lostMs, 'down')
    return waiting
  }

  #become(finding: Finding): void {
    if (this.#isOver) return
    const from = this.#finding?.state ?? null
    this.#finding = finding
    if (from === finding.state) return
    this.#since = this.#deps.clock.now()
    if (from === null && finding.state === 'healthy') return
    this.#deps.onChange({ part: this.probe.name, from, to: finding.state, why: finding.why ?? null })
  }

  #lookLater(): Disposable {
    return this.#deps.clock.after(this.probe.everyMs, () => void this.look())
  }
}

const rankOf: Readonly<Record<HealthState, number>> = { healthy: 0, degraded: 1, down: 2 }

const notYet: Finding = { state: 'degraded', why: 'it was not looked at yet' }
