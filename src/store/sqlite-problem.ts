/*
 * What SQLite says when it fails, as plain data: the writer thread sends it to the main thread.
 * No imports: the writer thread stays light.
 */

export interface SqliteProblem {
  /** SQLite's extended result code, or null when the failure is not SQLite's. */
  readonly code: number | null
  readonly message: string
}

/** Primary result codes (sqlite.org/rescode.html): the low byte of the extended code. */
export const primaryCodes = {
  nomem: 7,
  busy: 5,
  locked: 6,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  protocol: 15,
  notadb: 26,
} as const

/** SQLITE_CONSTRAINT_UNIQUE and SQLITE_CONSTRAINT_PRIMARYKEY. */
export const uniqueCodes: readonly number[] = [2067, 1555]

/** SQLITE_IOERR_SHMSIZE: the shared memory file beside the database could not grow. */
export const ioerrShmSize = 4874

export function problemOf(error: unknown): SqliteProblem {
  if (!(error instanceof Error)) return { code: null, message: String(error) }
  const code = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : null
  return { code, message: error.message }
}

export function primaryCodeOf(problem: SqliteProblem): number | null {
  return problem.code === null ? null : problem.code % 256
}

/** A failure of the disk or the file, not of one statement: no neighbour in the transaction can be trusted to have been written. */
export function isOfTheFile(problem: SqliteProblem): boolean {
  const primary = primaryCodeOf(problem)
  return Object.values(primaryCodes).some(code => code === primary)
}
