import { asNodeId, newNodeId } from '#kernel'
import type { AppError, NodeId } from '#kernel'
import { CamelCasePlugin, Kysely } from 'kysely'
import type { DatabaseSync } from 'node:sqlite'
import { assembleStore, defaultLimits } from './assemble-store.ts'
import { createDamageNote } from './damage-note.ts'
import { migrate, refuseNewer } from './migrate.ts'
import { migrations } from './migrations.ts'
import type { Migration } from './migrations.ts'
import { nodeFileOf, readNodeFile } from './node-file.ts'
import { NodeSqliteDialect } from './sqlite-dialect.ts'
import { backUp, openForReading, openForWriting, versionOfFile } from './sqlite-file.ts'
import type { Store, StoreOptions } from './store.ts'
import type { Tables } from './tables.ts'
import type { WriterFaults } from './writer-messages.ts'
import { Writer } from './writer.ts'

/** What tests put in place of the real thing; not part of the room's face. */
export interface StoreInsides {
  readonly migrations?: readonly Migration[]
  readonly faults?: WriterFaults
}

/** Opens or makes the database, brings it to this version, starts its writer. Whoever opened it disposes it. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { url } = options
  if (url === undefined) return openStoreWith(options, {})
  // Only here: whoever works with a file loads nothing of it.
  const { openPostgresStore } = await import('./open-postgres.ts')
  return openPostgresStore({ ...options, url })
}

export async function openStoreWith(options: StoreOptions, insides: StoreInsides): Promise<Store> {
  const { file, clock, log } = options
  const limits = { ...defaultLimits, ...options.limits }
  const nodeId = await prepare({ ...options, lockWaitMs: limits.lockWaitMs }, insides.migrations ?? migrations)
  await using stack = new AsyncDisposableStack()
  const writer = stack.use(new Writer({ file, clock, faults: insides.faults ?? {}, ...limits }))
  // An empty batch: the thread starts, opens the file and takes the lock once, or says why it cannot.
  await new Promise<void>((resolve, reject) => {
    const failed = (failure: Parameters<Parameters<Writer['submit']>[0]['failed']>[0]): void =>
      reject(failure.kind === 'error' ? failure.error : new Error('an empty batch has no statement to fail'))
    writer.submit({ batch: [], bytes: 0, written: resolve, failed })
  })
  const reader = openForReading(file, limits.lockWaitMs)
  // Ends in this order: no more writes, the reader, the writer, which is the last one and folds the log into the file.
  stack.defer(() => reader.close())
  stack.defer(() => writer.drain())
  const damage = createDamageNote()
  const db = typed(reader, file, damage.note)
  const store = await assembleStore({ clock, log, nodeId, db, writer, damage })
  const open = stack.move()
  return { ...store, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

/** Checks, migrates, and answers the node's id. Closes everything that it opened. */
async function prepare(
  options: StoreOptions & { readonly lockWaitMs: number },
  steps: readonly Migration[],
): Promise<NodeId> {
  const { file, clock, log, lockWaitMs } = options
  refuseNewer({ file, migrations: steps }, versionOfFile(file, lockWaitMs))
  using database = openForWriting(file, lockWaitMs)
  const applied = await migrate(new Kysely<unknown>({ dialect: new NodeSqliteDialect(database, file) }), {
    file,
    clock,
    migrations: steps,
    async backUp(version) {
      log.info({ copy: backUp(database, file, { version, clock }) }, 'database copied before its migration')
    },
  })
  if (applied.length > 0) log.info({ file, versions: applied }, 'database migrated')
  return await nodeIdOf(typed(database, file), options)
}

async function nodeIdOf(db: Kysely<Tables>, { file, clock }: StoreOptions): Promise<NodeId> {
  const known = await db.selectFrom('facts').select('value').where('name', '=', 'node_id').executeTakeFirst()
  if (known !== undefined) return asNodeId(known.value)
  // The same node as when its rows were in a shared database.
  const nodeId = readNodeFile(nodeFileOf(file)) ?? newNodeId(clock.now())
  await db.insertInto('facts').values({ name: 'node_id', value: nodeId }).execute()
  return nodeId
}

function typed(database: DatabaseSync, file: string, onError?: (error: AppError) => void): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new NodeSqliteDialect(database, file, onError),
    plugins: [new CamelCasePlugin()],
  })
}
