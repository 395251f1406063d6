import { AppError } from '#kernel'
import { storeCorrupt, storeDuplicateKey, storeFailed, storeFull, storeLocked, storeRejected } from './errors.ts'
import { ioerrShmSize, isOfTheFile, primaryCodeOf, primaryCodes, problemOf, uniqueCodes } from './sqlite-problem.ts'
import type { SqliteProblem } from './sqlite-problem.ts'

/** The typed error for what SQLite said about `file`. */
export function storeErrorOf(file: string, problem: SqliteProblem, cause?: unknown): AppError {
  if (problem.code !== null && uniqueCodes.includes(problem.code)) {
    return storeDuplicateKey(problem.message.replace(/^.*failed: /, ''), cause)
  }
  if (problem.code === ioerrShmSize) return storeFull(file, cause)
  switch (primaryCodeOf(problem)) {
    case primaryCodes.full:
      return storeFull(file, cause)
    case primaryCodes.busy:
    case primaryCodes.locked:
    case primaryCodes.protocol:
      return storeLocked(file, cause)
    case primaryCodes.corrupt:
    case primaryCodes.notadb:
      return storeCorrupt(file, problem.message, cause)
    default:
      return isOfTheFile(problem) ? storeFailed(file, problem.message, cause) : statementError(problem, cause)
  }
}

/** The typed error for anything that using the database threw. */
export function storeErrorOfThrown(file: string, error: unknown): AppError {
  return error instanceof AppError ? error : storeErrorOf(file, problemOf(error), error)
}

function statementError(problem: SqliteProblem, cause: unknown): AppError {
  return storeRejected(problem.message, problem.code === null ? {} : { code: problem.code }, cause)
}
