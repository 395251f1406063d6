import { expect, it } from 'vitest'

/*
 * Faults that the daemon must take. Each is a test that also tells, for the table of `npm run chaos`, how the fault is
 * brought about, what must come of it, and what was seen.
 */

/** A fault as it is declared. */
export interface Fault {
  readonly fault: string
  readonly injected: string
  readonly expected: string
}

/** One line of the table. Without `seen` and `notRun` it failed before it had anything to tell. */
export interface FaultReport extends Fault {
  readonly seen?: string
  /** Why this machine cannot bring it about. */
  readonly notRun?: string
}

declare module 'vitest' {
  interface TaskMeta {
    fault?: FaultReport
  }
}

export interface FaultTest extends Fault {
  /** Each answers what the machine lacks, or undefined. */
  readonly needs?: readonly Need[]
  readonly timeoutMs?: number
}

export type Need = () => string | undefined

/** `play` brings it about, expects what must be, and answers what was seen, in a few words with the figures. */
export function fault({ needs = [], timeoutMs = 120_000, ...about }: FaultTest, play: () => Promise<string>): void {
  // oxlint-disable-next-line vitest/valid-title -- a string by its type
  it(about.fault, { timeout: timeoutMs }, async ({ task, skip }) => {
    task.meta.fault = about
    const lacking = needs.flatMap(need => need() ?? [])[0]
    if (lacking !== undefined) {
      task.meta.fault = { ...about, notRun: lacking }
      skip(lacking)
    }
    const seen = await play()
    expect(seen).not.toBe('')
    task.meta.fault = { ...about, seen }
  })
}

/** How often the repeated ones are repeated: all of it by `npm run chaos`, else this share. */
const usualShare = 0.1
const share = process.env['TANDEM_CHAOS'] === 'full' ? 1 : usualShare

export const repeated = (full: number): number => Math.max(1, Math.round(full * share))
