import type { AppError } from '#kernel'
import type { RunOutcome } from './run-outcome.ts'

/** Why a running turn is to stop: a person cancels it, the daemon stops and it goes on later, or it does what it must not. */
export type Stop =
  | { readonly kind: 'cancel'; readonly by: string }
  | { readonly kind: 'pause'; readonly reason: string }
  | { readonly kind: 'denied'; readonly error: AppError }

/** Whether a run is to stop, and why: whoever stops it says so at any time, and the run looks, or waits for it. */
export class RunStop {
  readonly #given = Promise.withResolvers<Stop>()
  #stop: Stop | undefined
  #denial: AppError | undefined

  /** Undefined as long as it is to go on. */
  get asked(): Stop | undefined {
    return this.#stop
  }

  /** What it did that it must not: that is its outcome, whoever stops it besides and however it ends. */
  get denial(): AppError | undefined {
    return this.#denial
  }

  /** Resolves with the first that was asked for; `asked` may be a stronger one by then. */
  get given(): Promise<Stop> {
    return this.#given.promise
  }

  /** The first call counts, but that a cancel wins over all, and a denial over a pause. */
  ask(stop: Stop): void {
    if (stop.kind === 'denied') this.#denial ??= stop.error
    if (this.#stop !== undefined && strengthOf(this.#stop) >= strengthOf(stop)) return
    this.#stop = stop
    this.#given.resolve(stop)
  }
}

const strengthOf = ({ kind }: Stop): number => ['pause', 'denied', 'cancel'].indexOf(kind)

export function outcomeOfStop(stop: Stop): RunOutcome {
  switch (stop.kind) {
    case 'cancel':
      return { kind: 'interrupted', by: stop.by }
    case 'denied':
      return { kind: 'failed', error: stop.error }
    case 'pause':
      return { kind: 'paused' }
  }
}
