import type { Clock, Log, NodeId } from '#kernel'
import { Kysely } from 'kysely'
import { existsSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { copyTables } from './copy-end.ts'
import type { CopyEnd, CopyTarget, Raw, RawRow } from './copy-end.ts'
import { firstWithRows } from './copy-rows.ts'
import { copyNotEmpty, storeMissingFile, storeOlder } from './errors.ts'
import { migrate, refuseNewer } from './migrate.ts'
import { migrations } from './migrations.ts'
import { NodeSqliteDialect } from './sqlite-dialect.ts'
import { openForWriting, openUntouched, syncFile, usingSqlite, versionOfFile } from './sqlite-file.ts'
import { createPreparedStatements } from './sqlite-prepared.ts'

const lockWaitMs = 2000

/** As it is at this moment, whoever writes to it meanwhile. */
export function openFileSource(file: string): CopyEnd {
  if (!existsSync(file)) throw storeMissingFile(file)
  assertVersion(file, versionOfFile(file, lockWaitMs))
  // Not a read-only connection: that one cannot take away what SQLite puts beside the file.
  const database = usingSqlite(file, () => new DatabaseSync(file, { timeout: lockWaitMs }))
  usingSqlite(file, () => database.exec('pragma query_only = on; begin'))
  return { ...endOf(database, file), [Symbol.asyncDispose]: async () => database.close() }
}

/** Written beside the file, and given its name when it is whole. */
export async function openFileTarget(
  file: string,
  deps: { readonly clock: Clock; readonly log: Log; readonly nodeId: NodeId | undefined },
): Promise<CopyTarget> {
  await assertFree(file)
  const partial = `${file}.partial`
  const forget = (): void => {
    for (const part of [partial, `${partial}-wal`, `${partial}-shm`]) rmSync(part, { force: true })
  }
  forget()
  const database = openForWriting(partial, lockWaitMs)
  const close = async (): Promise<void> => {
    if (database.isOpen) database.close()
    forget()
  }
  try {
    const db = new Kysely<unknown>({ dialect: new NodeSqliteDialect(database, partial) })
    await migrate(db, { file: partial, clock: deps.clock, migrations, backUp: async () => undefined })
    database.exec('begin immediate')
    if (deps.nodeId !== undefined)
      database.prepare("insert into facts (name, value) values ('node_id', ?)").run(deps.nodeId)
  } catch (error) {
    await close()
    throw error
  }
  return {
    ...endOf(database, file),
    async commit() {
      usingSqlite(file, () => {
        database.exec('commit')
        // The last connection folds the log into the file.
        database.close()
        syncFile(partial)
        renameSync(partial, file)
        syncFile(dirname(file))
      })
    },
    [Symbol.asyncDispose]: close,
  }
}

/** Nothing is there, or a database without rows that nobody has open. */
async function assertFree(file: string): Promise<void> {
  if (!existsSync(file)) return
  // They are there while it is open, and after a crash.
  if (existsSync(`${file}-wal`) || existsSync(`${file}-shm`))
    throw copyNotEmpty(file, `${file}-wal is there: it is in use`)
  const version = versionOfFile(file, lockWaitMs)
  if (version === 0) return
  refuseNewer({ file, migrations }, version)
  using database = openUntouched(file, lockWaitMs)
  const table = await firstWithRows(
    { ...endOf(database, file), [Symbol.asyncDispose]: async () => undefined },
    copyTables,
  )
  if (table !== undefined) throw copyNotEmpty(file, `its table ${table} has rows`)
}

function assertVersion(file: string, version: number): void {
  refuseNewer({ file, migrations }, version)
  const known = migrations.at(-1)?.version ?? 0
  if (version < known) throw storeOlder(file, { database: version, known })
}

function endOf(database: DatabaseSync, file: string): Omit<CopyEnd, keyof AsyncDisposable> {
  const prepared = createPreparedStatements(database)
  return {
    label: file,
    byBytes: '',
    run: async (sql, values) => usingSqlite(file, () => rawRows(prepared.of(sql).all(...values))),
  }
}

/** All columns of ours are text or whole numbers. */
function rawRows(rows: readonly Record<string, unknown>[]): readonly RawRow[] {
  return rows.map(row => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, rawOf(value)])))
}

function rawOf(value: unknown): Raw {
  if (value === null || typeof value === 'number' || typeof value === 'string') return value
  throw new TypeError(`a column holds ${typeof value}; the store keeps text, numbers and null`)
}
