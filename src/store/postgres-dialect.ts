import { PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import type { CompiledQuery, DatabaseConnection, Dialect, Driver, QueryResult } from 'kysely'
import type { QueryResultRow } from 'pg'
import { postgresValueOf } from './postgres-connect.ts'

/** Where statements go: a pool for reads, one client for migrations. */
export type Run = (text: string, values: unknown[]) => Promise<{ readonly rows: readonly QueryResultRow[] }>

/** Kysely over whatever runs statements. Transactions are for a single client only, which the migrations have. */
export function postgresDialect(run: Run): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => driverOf(run),
    createIntrospector: db => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}

function driverOf(run: Run): Driver {
  const connection: DatabaseConnection = {
    async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
      return { rows: rowsOf<R>((await run(query.sql, query.parameters.map(postgresValueOf))).rows) }
    },
    streamQuery() {
      throw new Error('the store reads in pages')
    },
  }
  const told = (text: string) => async (): Promise<void> => void (await run(text, []))
  return {
    init: async () => undefined,
    acquireConnection: async () => connection,
    beginTransaction: told('begin'),
    commitTransaction: told('commit'),
    rollbackTransaction: told('rollback'),
    releaseConnection: async () => undefined,
    destroy: async () => undefined,
  }
}

/** The one cast: Kysely names the row type of a query, the driver cannot check it. */
function rowsOf<R>(rows: readonly unknown[]): R[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return rows as R[]
}
