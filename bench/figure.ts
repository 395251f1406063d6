import type { Rule, ScriptedModel, Step } from '#scripted-model'
import type { ConfigInput } from '#contracts'
import type { TandemWorld } from '../test/support/tandem-world.ts'

/** One line of what we promise about speed or size, and how it is measured. */
export interface Figure {
  /** What `--only` takes. */
  readonly name: string
  readonly title: string
  /** A program that it cannot do without, and that a machine may not have. */
  readonly needs?: string
  /** Throws when what was measured was not done correctly: a wrong answer has no speed. */
  run(lab: Lab): Promise<readonly Measurement[]>
}

/** Samples of ours, and of something simpler in the same run, taken turn by turn so that both meet the same machine. */
export interface Measurement {
  readonly what: string
  readonly unit: 'ms' | 'MB'
  readonly goals: readonly Goal[]
  readonly samples: readonly number[]
  readonly reference: { readonly what: string; readonly samples: readonly number[] }
}

export type Quantile = 'p50' | 'p99' | 'max'

/**
 * `value`: of our samples. `ratio`: of ours through the same of the reference. `added`: what one of ours takes more than its
 * partner in the reference; the two lists are in pairs then.
 */
export interface Goal {
  readonly at: Quantile
  readonly of: 'value' | 'ratio' | 'added'
  readonly atMost: number
}

/** Where one figure is measured. All that it opened is closed when the figure is over, or the program interrupted. */
export interface Lab {
  /** How often a sample is taken: a tenth of it, at least `atLeast`, when only the running itself is tested. */
  rounds(full: number, atLeast?: number): number
  readonly isQuick: boolean
  /** The released programs: `dist/`, started by the Node that runs this. */
  readonly program: string
  say(line: string): void
  use<T extends AsyncDisposable>(opened: T): T
  /** A user's machine of its own, in which the model plays these rules. */
  openWorld(rules: readonly Rule[], config?: ConfigInput): Promise<World>
}

/** The world of the tests, and a second home of Codex in it for the reference. */
export interface World extends TandemWorld {
  readonly model: ScriptedModel
  /** For an app-server that Tandem does not know: the same configuration, other directories. */
  readonly rawEnv: Readonly<Record<string, string>>
}

/** Every prompt gets this answer; `{{lastText}}` in it is the prompt. */
export const answering = (...steps: readonly Step[]): readonly Rule[] => [
  { name: 'answer', when: {}, reply: { steps: [...steps] } },
]

export interface Judged {
  readonly goal: Goal
  readonly seen: number
  readonly isMet: boolean
}

export function judge(measurement: Measurement): readonly Judged[] {
  return measurement.goals.map(goal => {
    const seen = seenBy(goal, measurement)
    return { goal, seen, isMet: seen <= goal.atMost }
  })
}

function seenBy({ at, of }: Goal, { samples, reference }: Measurement): number {
  switch (of) {
    case 'value':
      return quantile(samples, at)
    case 'ratio':
      return quantile(samples, at) / quantile(reference.samples, at)
    case 'added':
      return quantile(pairsOf(samples, reference.samples), at)
  }
}

function pairsOf(ours: readonly number[], theirs: readonly number[]): readonly number[] {
  if (ours.length !== theirs.length) throw new Error(`${ours.length} samples have ${theirs.length} partners`)
  return ours.map((value, index) => value - (theirs[index] ?? Number.NaN))
}

/** The smallest sample that so many are not above: no value that was not seen. */
export function quantile(samples: readonly number[], at: Quantile): number {
  if (samples.length === 0) throw new Error('no sample was taken')
  const sorted = samples.toSorted((a, b) => a - b)
  const share = { p50: 0.5, p99: 0.99, max: 1 }[at]
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN
}

/** Milliseconds that the task took. */
export async function timeOf(task: () => unknown): Promise<number> {
  const beganAt = performance.now()
  await task()
  return performance.now() - beganAt
}
