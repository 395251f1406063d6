import type { AppError } from '#kernel'

/** One compiled statement of a batch: portable SQL with `?` for each parameter (text, number or null). */
export interface Change {
  readonly sql: string
  readonly parameters: readonly unknown[]
  /** When another number of rows was touched, the whole batch is undone and `commit` rejects with `otherwise()`. */
  readonly expect?: { readonly rows: number; readonly otherwise: () => AppError }
}
