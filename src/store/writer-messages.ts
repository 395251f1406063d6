import type { SqliteProblem } from './sqlite-problem.ts'

/* What the main thread and the writer thread say to each other. Types only: both are of the same version. */

export interface WriterSetup {
  readonly file: string
  readonly lockWaitMs: number
  readonly faults: WriterFaults
}

/** What tests break. */
export interface WriterFaults {
  /** The database may have this many pages: a full disk. */
  readonly maxPages?: number
  /** One Int32: at 1 the writer waits before its COMMIT (10 s at most), a slow disk; at 2 it dies there, at 3 right after it. */
  readonly gate?: Int32Array<SharedArrayBuffer>
}

export interface Statement {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly expectedRows: number | null
}

export type Batch = readonly Statement[]

export type ToWriter =
  /** `group`: by which it can be asked for later. */
  | { readonly kind: 'write'; readonly group: string; readonly batches: readonly Batch[] }
  /** What became of the group that an earlier thread had when it ended. */
  | { readonly kind: 'ask'; readonly group: string }
  | { readonly kind: 'close' }

export type BatchResult =
  | { readonly kind: 'written' }
  | { readonly kind: 'unexpected'; readonly statement: number }
  | { readonly kind: 'failed'; readonly problem: SqliteProblem }

/** A result for each batch, or why none of them was written; `absent`: the group that was asked for is not there. */
export type FromWriter =
  | { readonly kind: 'results'; readonly results: readonly BatchResult[] }
  | { readonly kind: 'failed'; readonly problem: SqliteProblem }
  | { readonly kind: 'absent' }
