import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'

/* Loaded by the writer thread, too: imports nothing at run time. */

/** Prepared statements of one connection by their text: the latest hundred. */
export interface PreparedStatements {
  of(sql: string): StatementSync
}

const maxStatements = 100

export function createPreparedStatements(database: DatabaseSync): PreparedStatements {
  const statements = new Map<string, StatementSync>()
  return {
    of(sql) {
      const statement = statements.get(sql) ?? database.prepare(sql)
      // Taken out and put in again, so that the first one is the one that was not used for longest.
      statements.delete(sql)
      statements.set(sql, statement)
      const [oldest] = statements.keys()
      if (statements.size > maxStatements && oldest !== undefined) statements.delete(oldest)
      return statement
    },
  }
}

export function sqliteValueOf(value: unknown): SQLInputValue {
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  throw new TypeError(`a parameter is ${typeof value}; the store takes text, numbers and null`)
}
