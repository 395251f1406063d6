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
  /** One Int32: at 1 the writer waits before its COMMIT (10 s at most), a slow disk; at 2 it dies there. */
  readonly gate?: Int32Array<SharedArrayBuffer>
}

export interface Statement {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly expectedRows: number | null
}

export type Batch = readonly Statement[]

export type ToWriter = { readonly kind: 'write'; readonly batches: readonly Batch[] } | { readonly kind: 'close' }

export type BatchResult =
  | { readonly kind: 'written' }
  | { readonly kind: 'unexpected'; readonly statement: number }
  | { readonly kind: 'failed'; readonly problem: SqliteProblem }

/** The answer to one `write`: a result for each batch, or why none of them was written. */
export type FromWriter =
  | { readonly kind: 'results'; readonly results: readonly BatchResult[] }
  | { readonly kind: 'failed'; readonly problem: SqliteProblem }
