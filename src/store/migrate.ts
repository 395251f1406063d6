import { AppError } from '#kernel'
import type { Clock } from '#kernel'
import type { Kysely } from 'kysely'
import { storeMigrationFailed, storeNewer } from './errors.ts'
import type { Migration } from './migrations.ts'

export interface MigrateOptions {
  readonly file: string
  readonly clock: Clock
  readonly migrations: readonly Migration[]
  /** Called once, before the first change to a database that has rows of an older version. */
  readonly backUp: (firstVersion: number) => Promise<void>
}

// A type and not an interface: `withTables` takes only what has an index signature.
type MigrationTable = {
  readonly migrations: { readonly version: number; readonly name: string; readonly applied_at: number }
}

/** Brings the database to the last of the migrations, one transaction each. Answers the versions that were applied. */
export async function migrate(db: Kysely<unknown>, options: MigrateOptions): Promise<readonly number[]> {
  // A builder for the one table that the typed tables do not have.
  const versions = db.withTables<MigrationTable>()
  await versions.schema
    .createTable('migrations')
    .ifNotExists()
    .addColumn('version', 'integer', column => column.primaryKey())
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('applied_at', 'bigint', column => column.notNull())
    .execute()
  const current = await versions
    .selectFrom('migrations')
    .select(eb => eb.fn.max('version').as('version'))
    .executeTakeFirst()
  const version = current?.version ?? 0
  refuseNewer(options, version)
  const pending = options.migrations.filter(migration => migration.version > version)
  const first = pending[0]
  if (first === undefined) return []
  if (version > 0) await options.backUp(first.version)
  for (const migration of pending) await apply(db, migration, options)
  return pending.map(migration => migration.version)
}

export function refuseNewer(options: Pick<MigrateOptions, 'file' | 'migrations'>, database: number): void {
  const known = options.migrations.at(-1)?.version ?? 0
  if (database > known) throw storeNewer(options.file, { database, known })
}

async function apply(db: Kysely<unknown>, migration: Migration, options: MigrateOptions): Promise<void> {
  try {
    await db.transaction().execute(async transaction => {
      await migration.up(transaction)
      await transaction
        .withTables<MigrationTable>()
        .insertInto('migrations')
        .values({ version: migration.version, name: migration.name, applied_at: options.clock.now() })
        .execute()
    })
  } catch (error) {
    // A full disk or a lock is not the migration's fault and has its own cure.
    if (error instanceof AppError && error.kind === 'unavailable') throw error
    throw storeMigrationFailed(options.file, migration, error)
  }
}
