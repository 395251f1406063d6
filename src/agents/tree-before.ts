import type { Clock } from '#kernel'
import type { Pace, SnapshotOutcome } from './work-tree.ts'

/** Codex reads its files and asks its model within this time; no model answers sooner with a command that has run. */
const readAfterMs = 250

/** The working tree as it was before one turn: read once, whoever asks for it first. Disposing ends only the wait for the moment. */
export class TreeBefore implements Disposable {
  readonly #clock: Clock
  readonly #take: (pace: Pace) => Promise<SnapshotOutcome>
  #outcome: Promise<SnapshotOutcome> | undefined
  #timer: Disposable | undefined
  #isThere = false
  #isLate: boolean

  /** `take` never rejects. `isLate`: an earlier life began the turn. */
  constructor(clock: Clock, take: (pace: Pace) => Promise<SnapshotOutcome>, { isLate }: { readonly isLate: boolean }) {
    this.#clock = clock
    this.#take = take
    this.#isLate = isLate
  }

  /** Undefined when it was never read. */
  get outcome(): Promise<SnapshotOutcome> | undefined {
    return this.#outcome
  }

  /** Codex may have used a tool before it was there: what that changed may be in it already. */
  get isLate(): boolean {
    return this.#isLate
  }

  read(pace: Pace): void {
    if (this.#outcome !== undefined) return
    this.#outcome = this.#take(pace)
    void this.#outcome.then(() => (this.#isThere = true))
  }

  /** When Codex waits for its model, in time that nothing else wants. */
  readSoon(): void {
    if (this.#outcome === undefined) this.#timer ??= this.#clock.after(readAfterMs, () => this.read('beside'))
  }

  toolUsed(): void {
    this.#isLate ||= !this.#isThere
    this.read('now')
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
  }
}
