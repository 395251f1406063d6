import type { Secret } from '#kernel'
import { messageOf } from '#kernel'
import { CamelCasePlugin, Kysely } from 'kysely'
import type { Client } from 'pg'
import { assembleStore, defaultLimits } from './assemble-store.ts'
import { databaseNewer, databaseUnsuitable, storeClosed } from './errors.ts'
import { migrate } from './migrate.ts'
import { migrations } from './migrations.ts'
import type { Migration } from './migrations.ts'
import { keptNodeId, nodeFileOf } from './node-file.ts'
import { patiently } from './patience.ts'
import { connectPostgres, createPostgresPool, endPostgres, usingPostgres } from './postgres-connect.ts'
import { postgresDialect } from './postgres-dialect.ts'
import type { Run } from './postgres-dialect.ts'
import { isMissingColumn, maySoonBeBack, postgresErrorOf } from './postgres-errors.ts'
import { postgresPlaceOf } from './postgres-place.ts'
import type { PostgresPlace } from './postgres-place.ts'
import { PostgresWriter } from './postgres-writer.ts'
import type { PostgresWriterOptions } from './postgres-writer.ts'
import { nodeIdOfFile } from './sqlite-file.ts'
import type { Store, StoreOptions } from './store.ts'
import type { Tables } from './tables.ts'

/** What tests put in place of the real thing. */
export interface PostgresInsides extends Pick<PostgresWriterOptions, 'beforeCommit' | 'connectTries'> {
  readonly migrations?: readonly Migration[]
}

/** Connects, brings the schema to this version, takes this node's lock. Whoever opened it disposes it. */
export async function openPostgresStore(
  options: StoreOptions & { readonly url: Secret },
  { migrations: steps, ...faults }: PostgresInsides = {},
): Promise<Store> {
  const { clock, log, file } = options
  const place = postgresPlaceOf(options.url)
  await usingPostgres(place, () => preparePostgres(place, { clock, log, steps: steps ?? migrations }))
  const nodeId = keptNodeId(nodeFileOf(file), { clock, earlier: () => earlierNodeId(options) })
  await using stack = new AsyncDisposableStack()
  const writer = stack.use(new PostgresWriter({ ...defaultLimits, ...options.limits, ...faults, clock, place, nodeId }))
  await usingPostgres(place, () => writer.open())
  const pool = createPostgresPool(place)
  const closing = new AbortController()
  // Ends in this order: no more writes, the readers, the writer.
  stack.defer(() => pool.end())
  stack.defer(async () => {
    await writer.drain()
    closing.abort()
  })
  const run: Run = (text, values) => {
    if (closing.signal.aborted) throw storeClosed()
    // Reading twice does no harm: a lost connection is nothing that a reader need know of.
    const patience = { tries: readTries, isWorthAnother: maySoonBeBack, signal: closing.signal }
    return patiently(patience, () => pool.query({ text, values })).catch((error: unknown) => {
      throw postgresErrorOf(place.label, error)
    })
  }
  const db = new Kysely<Tables>({ dialect: postgresDialect(run), plugins: [new CamelCasePlugin()] })
  const store = await assembleStore({ clock, log, nodeId, db, writer })
  const open = stack.move()
  return { ...store, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

const readTries = 6

/** One daemon at a time: it checks what is there, and brings it to this version. */
export async function preparePostgres(
  place: PostgresPlace,
  deps: Pick<StoreOptions, 'clock' | 'log'> & { readonly steps: readonly Migration[] },
): Promise<void> {
  const { clock, log, steps } = deps
  const client = await connectPostgres(place)
  try {
    // Of the session: it ends with it, however that ends.
    await client.query("select pg_advisory_lock(hashtextextended('tandem schema ' || current_schema(), 0))")
    refuseNewerSchema(place, await versionOfPostgres(client, place), steps)
    const applied = await migrate(new Kysely<unknown>({ dialect: postgresDialect(runOn(client, place)) }), {
      file: place.label,
      clock,
      migrations: steps,
      // A copy of a shared database is its operator's business: pg_dump.
      backUp: async () => undefined,
    })
    if (applied.length > 0) log.info({ database: place.label, versions: applied }, 'database migrated')
  } finally {
    await endPostgres(client)
  }
}

/** Whether it could be opened, by reading alone; the version undefined when nothing is there yet. */
export function inspectPostgres(
  url: Secret,
): Promise<{ readonly place: string; readonly version: number | undefined }> {
  const place = postgresPlaceOf(url)
  return usingPostgres(place, async () => {
    const client = await connectPostgres(place)
    try {
      const version = await versionOfPostgres(client, place)
      refuseNewerSchema(place, version, migrations)
      return { place: place.label, version: version === 0 ? undefined : version }
    } finally {
      await endPostgres(client)
    }
  })
}

function refuseNewerSchema(place: PostgresPlace, database: number, steps: readonly Migration[]): void {
  const known = steps.at(-1)?.version ?? 0
  if (database > known) throw databaseNewer(place.label, { database, known })
}

/** The version of the schema that the connection works in, 0 when there is nothing of ours yet. */
export async function versionOfPostgres(client: Client, place: PostgresPlace): Promise<number> {
  const names = ['migrations', 'facts', 'settings', 'agents', 'threads', 'turns', 'events']
  const found = await client.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = current_schema() and tablename = any(string_to_array($1, $2))',
    [names.join(' '), ' '],
  )
  const tables = found.rows.map(row => row.name)
  if (tables.length === 0) return 0
  if (!tables.includes('migrations'))
    throw databaseUnsuitable(place.label, `its table ${tables.join(', ')} is another program's`)
  try {
    const version = await client.query<{ version: number | null }>(
      'select max(version) as version, max(applied_at) as at from migrations',
    )
    return version.rows[0]?.version ?? 0
  } catch (error) {
    if (isMissingColumn(error)) throw databaseUnsuitable(place.label, "its table migrations is another program's")
    throw error
  }
}

function runOn(client: Client, place: PostgresPlace): Run {
  return (text, values) => usingPostgres(place, () => client.query(text, values))
}

/** A daemon that worked with a file before is the same node still. */
function earlierNodeId({ file, log }: StoreOptions): ReturnType<typeof nodeIdOfFile> {
  try {
    return nodeIdOfFile(file)
  } catch (error) {
    log.warn({ file, error: messageOf(error) }, 'the database file that was used before cannot be read')
    return undefined
  }
}
