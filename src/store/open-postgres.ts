import type { Secret } from '#kernel'
import { messageOf } from '#kernel'
import { CamelCasePlugin, Kysely } from 'kysely'
import type { Client } from 'pg'
import { assembleStore, defaultLimits } from './assemble-store.ts'
import { createDamageNote } from './damage-note.ts'
import { migrate } from './migrate.ts'
import { migrations } from './migrations.ts'
import type { Migration } from './migrations.ts'
import { keptNodeId, nodeFileOf } from './node-file.ts'
import {
  connectPostgres,
  connectUnhurried,
  createPostgresPool,
  endPostgres,
  usingPostgres,
} from './postgres-connect.ts'
import { endPool, readingFrom } from './postgres-reads.ts'
import { postgresDialect } from './postgres-dialect.ts'
import type { Run } from './postgres-dialect.ts'
import { postgresPlaceOf } from './postgres-place.ts'
import type { PostgresPlace } from './postgres-place.ts'
import { refuseNewerSchema, versionOfPostgres } from './postgres-version.ts'
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
  { migrations: steps = migrations, ...faults }: PostgresInsides = {},
): Promise<Store> {
  const { clock, log, file } = options
  const place = postgresPlaceOf(options.url)
  await usingPostgres(place, () => preparePostgres(place, { clock, log, steps }))
  const nodeId = keptNodeId(nodeFileOf(file), { clock, earlier: () => earlierNodeId(options) })
  await using stack = new AsyncDisposableStack()
  const writer = stack.use(
    new PostgresWriter({ ...defaultLimits, ...options.limits, ...faults, clock, place, nodeId, steps }),
  )
  await usingPostgres(place, () => writer.open())
  const pool = createPostgresPool(place)
  const closing = new AbortController()
  // Ends in this order: no more writes, the readers, the writer.
  stack.defer(() => endPool(pool))
  stack.defer(async () => {
    await writer.drain()
    closing.abort()
  })
  const run = readingFrom(pool, place, closing.signal)
  const db = new Kysely<Tables>({ dialect: postgresDialect(run), plugins: [new CamelCasePlugin()] })
  const store = await assembleStore({ clock, log, nodeId, db, writer, damage: createDamageNote() })
  const open = stack.move()
  return { ...store, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

/** One daemon at a time: it checks what is there, and brings it to this version. */
export async function preparePostgres(
  place: PostgresPlace,
  deps: Pick<StoreOptions, 'clock' | 'log'> & { readonly steps: readonly Migration[] },
): Promise<void> {
  const { clock, log, steps } = deps
  const client = await connectUnhurried(place)
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
