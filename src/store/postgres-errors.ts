import { AppError, messageOf, systemCodeOf } from '#kernel'
import {
  databaseCrowded,
  databaseFailed,
  databaseLocked,
  storeDenied,
  storeDuplicateKey,
  storeFull,
  storeKeyTooLong,
  storeNoDatabase,
  storeRejected,
} from './errors.ts'

/** What Postgres says beside its message (protocol, "Error and Notice Message Fields"). */
interface ServerError {
  readonly sqlState: string
  readonly severity: string
  readonly message: string
  readonly table: string | undefined
  readonly detail: string | undefined
}

/** The typed error for anything that talking to Postgres threw. */
export function postgresErrorOf(label: string, error: unknown): AppError {
  if (error instanceof AppError) return error
  const server = serverErrorOf(error)
  // No cause: what the driver throws may hold its whole configuration.
  if (server === undefined) return databaseFailed(label, connectionProblemOf(error))
  const { sqlState, message } = server
  if (sqlState === '23505') return storeDuplicateKey(uniqueColumnsOf(server), error)
  if (sqlState === '54000') return storeKeyTooLong(message, error)
  if (sqlState === '53100') return storeFull(label, error)
  if (['28000', '28P01', '42501'].includes(sqlState)) return storeDenied(label, message, error)
  // Of a database that went while it was in use; where a connection is made there is more to say.
  if (['3D000', '3F000'].includes(sqlState)) return storeNoDatabase(label, message, 'createdb, create schema', error)
  if (['55P03', '40P01', '40001'].includes(sqlState)) return databaseLocked(label, message, error)
  if (sqlState === '53300') return databaseCrowded(label, message, error)
  if (isOfTheServer(sqlState)) return databaseFailed(label, message, error)
  return storeRejected(message, { code: sqlState }, error)
}

/** Whether the connection is gone or of no use: another one may do. */
export function isLost(error: unknown): boolean {
  if (error instanceof AppError) return false
  const server = serverErrorOf(error)
  if (server === undefined) return true
  const { sqlState, severity } = server
  return severity === 'FATAL' || severity === 'PANIC' || /^(?:08|57P0)/.test(sqlState)
}

/** Worth another try soon: the server restarts, is full of connections, or is not there for a moment. */
export function maySoonBeBack(error: unknown): boolean {
  const server = serverErrorOf(error)
  if (server !== undefined) return /^(?:08|57P0|53300|55000)/.test(server.sqlState)
  const system = error instanceof Error ? systemCodeOf(error) : undefined
  return system !== 'ENOTFOUND' && !(error instanceof AppError)
}

/** Two transactions stood in each other's way, and Postgres chose this one to go. */
export function isDeadlock(error: unknown): boolean {
  return ['40P01', '40001'].includes(serverErrorOf(error)?.sqlState ?? '')
}

/** Asked about a transaction that it never had (22023): another server is in its place, which was behind. */
export function isUnanswerable(error: unknown): boolean {
  return serverErrorOf(error)?.sqlState === '22023'
}

/** The server is there, and the database of the URL is not. */
export function isMissingDatabase(error: unknown): boolean {
  return serverErrorOf(error)?.sqlState === '3D000'
}

export function isMissingColumn(error: unknown): boolean {
  return serverErrorOf(error)?.sqlState === '42703'
}

export function serverErrorOf(error: unknown): ServerError | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined
  const { code, severity } = error
  if (typeof code !== 'string' || typeof severity !== 'string') return undefined
  return {
    sqlState: code,
    severity,
    message: error.message,
    table: member(error, 'table'),
    detail: member(error, 'detail'),
  }
}

/** Classes 08 (connection), 25 (read-only), 53 (resources), 55000 (takes no connections), 57 (operator), 58 (system), XX (internal, corrupt). */
const isOfTheServer = (sqlState: string): boolean => /^(?:08|25006|53|55000|57|58|XX)/.test(sqlState)

/** As SQLite names them: "turns.idempotency_key". */
function uniqueColumnsOf({ table, detail, message }: ServerError): string {
  const columns = /^Key \(([^)]*)\)=/.exec(detail ?? '')?.[1]
  if (table === undefined || columns === undefined) return message
  return columns
    .split(', ')
    .map(column => `${table}.${column}`)
    .join(', ')
}

/** With several addresses tried, Node's error has no message of its own. */
function connectionProblemOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ')
  return messageOf(error)
}

function member(error: Error, name: string): string | undefined {
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' ? value : undefined
}
