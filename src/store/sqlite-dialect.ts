import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely'
import type {
  CompiledQuery,
  DatabaseConnection,
  Dialect,
  DialectAdapter,
  Driver,
  Kysely,
  QueryCompiler,
  QueryResult,
  DatabaseIntrospector,
} from 'kysely'
import type { AppError } from '#kernel'
import type { DatabaseSync } from 'node:sqlite'
import { storeClosed } from './errors.ts'
import { storeErrorOfThrown } from './sqlite-errors.ts'
import { createPreparedStatements, sqliteValueOf } from './sqlite-prepared.ts'
import type { PreparedStatements } from './sqlite-prepared.ts'

type OnError = (error: AppError) => void

/** Kysely over one open `node:sqlite` database. Whoever opened the database closes it. */
export class NodeSqliteDialect implements Dialect {
  readonly #database: DatabaseSync
  readonly #file: string
  readonly #onError: OnError

  constructor(database: DatabaseSync, file: string, onError: OnError = () => undefined) {
    this.#database = database
    this.#file = file
    this.#onError = onError
  }

  createDriver(): Driver {
    return new NodeSqliteDriver(new NodeSqliteConnection(this.#database, this.#file, this.#onError))
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }

  createAdapter(): DialectAdapter {
    return new SqliteAdapter()
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db)
  }
}

/** One connection for everybody: reads are synchronous and so cannot overlap; only the migrations use transactions. */
class NodeSqliteDriver implements Driver {
  readonly #connection: NodeSqliteConnection

  constructor(connection: NodeSqliteConnection) {
    this.#connection = connection
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection
  }

  async beginTransaction(): Promise<void> {
    this.#connection.run('begin immediate')
  }

  async commitTransaction(): Promise<void> {
    this.#connection.run('commit')
  }

  async rollbackTransaction(): Promise<void> {
    this.#connection.run('rollback')
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {}
}

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync
  readonly #prepared: PreparedStatements
  readonly #file: string
  readonly #onError: OnError

  constructor(database: DatabaseSync, file: string, onError: OnError) {
    this.#database = database
    this.#prepared = createPreparedStatements(database)
    this.#file = file
    this.#onError = onError
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return { rows: rowsOf<R>(this.run(query.sql, query.parameters)) }
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('an open cursor would hold back the checkpoints: read in pages instead')
  }

  run(sql: string, parameters: readonly unknown[] = []): readonly unknown[] {
    if (!this.#database.isOpen) throw storeClosed()
    try {
      // `all` and not `iterate`: it leaves no read transaction behind, so the next read sees the latest commit.
      return this.#prepared.of(sql).all(...parameters.map(sqliteValueOf))
    } catch (error) {
      const failure = storeErrorOfThrown(this.#file, error)
      this.#onError(failure)
      throw failure
    }
  }
}

/** The one cast: Kysely names the row type of a query, the driver cannot check it. */
function rowsOf<R>(rows: readonly unknown[]): R[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return rows as R[]
}
