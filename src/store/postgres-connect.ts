import { Client, Pool } from 'pg'
import type { ClientConfig } from 'pg'
import { messageOf } from '#kernel'
import { databaseUnsuitable, storeNoDatabase, storeUrlInvalid } from './errors.ts'
import { isMissingDatabase, postgresErrorOf } from './postgres-errors.ts'
import type { PostgresPlace } from './postgres-place.ts'
import { createAnotherCommand, createDatabaseCommand, createSchemaCommand } from './postgres-programs.ts'
import { postgresTextOf, textOfPostgres } from './postgres-text.ts'

/** A server that does not answer is given up; a further try may follow. */
const connectMs = 5_000
/** No statement of ours takes longer, and none waits longer for a lock of another session. */
const statementMs = 30_000
/** A server that does not even say that: its connection is cut. */
const answerMs = statementMs + 5_000
/** A daemon that stands still in a transaction must not hold its locks for ever. */
const idleInTransactionMs = 60_000
/** The end even of a copy or a migration: a server that is silent for so long is gone. */
const unhurriedMs = 3_600_000
/** A connection on which nobody answers a read any more is given up while there is time for another one. */
const readers = { max: 4, idleMs: 30_000, answerMs: 6000 }

/** A connection of its own; what is sent at once travels at once. Whoever asked for it ends it. */
export function connectPostgres(place: PostgresPlace): Promise<Client> {
  return connect(place, {})
}

/** For a copy or a migration: a statement and a pause between two may take as long as they need. */
export async function connectUnhurried(place: PostgresPlace): Promise<Client> {
  const client = await connect(place, { query_timeout: unhurriedMs })
  try {
    // Said once there: 0 is not sent at the start, and what the URL, the user or the database has would count.
    await client.query(
      "select set_config('statement_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false)",
    )
    return client
  } catch (error) {
    await endPostgres(client)
    throw error
  }
}

async function connect(place: PostgresPlace, config: ClientConfig): Promise<Client> {
  const client = made(() => new Client({ ...configOf(place), ...config, pipeline: true }))
  // Without a listener the end of an idle connection would be the end of the program. `isLost` finds it with the next use.
  client.on('error', () => undefined)
  try {
    await client.connect()
    await prepareSession(client, place)
    return client
  } catch (error) {
    await endPostgres(client)
    if (isMissingDatabase(error))
      throw storeNoDatabase(place.label, messageOf(error), createDatabaseCommand(place), error)
    throw error
  }
}

/** Connections for reading, made when needed. Whoever asked for it ends it. */
export function createPostgresPool(place: PostgresPlace): Pool {
  const pool = made(
    () =>
      new Pool({
        ...configOf(place),
        query_timeout: readers.answerMs,
        max: readers.max,
        idleTimeoutMillis: readers.idleMs,
        allowExitOnIdle: true,
      }),
  )
  pool.on('error', () => undefined)
  return pool
}

/** Never waits long for a server that has gone. */
export async function endPostgres(client: Client): Promise<void> {
  const giveUp = setTimeout(() => client.connection.stream.destroy(), 1000)
  try {
    await client.end()
  } catch {
    // It was not open any more.
  } finally {
    clearTimeout(giveUp)
  }
}

/** Text, number or null, as a parameter. */
export function postgresValueOf(value: unknown): unknown {
  if (typeof value === 'string') return postgresTextOf(value)
  if (value === null || typeof value === 'number') return value
  throw new TypeError(`a parameter is ${typeof value}; the store takes text, numbers and null`)
}

function configOf(place: PostgresPlace): ClientConfig {
  return {
    connectionString: place.url.reveal(),
    application_name: 'tandem',
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
    lock_timeout: statementMs,
    query_timeout: answerMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: { getTypeParser: parserOf },
  }
}

const types = { int8: 20, int4: 23, text: 25, varchar: 1043 } as const

/** Everything of ours is text or a whole number below 2^53. */
function parserOf(type: number): (text: string) => string | number {
  return type === types.int8 || type === types.int4 ? Number : textOfPostgres
}

async function prepareSession(client: Client, place: PostgresPlace): Promise<void> {
  const [found] = await Promise.all([
    client.query<{ encoding: string; schema: string | null; path: string }>(
      "select current_setting('server_encoding') as encoding, current_schema() as schema, replace(current_setting('search_path'), '\"$user\"', quote_ident(current_user)) as path",
    ),
    // What is acknowledged is on the disk, whatever is usual there; a stronger setting is left.
    client.query(
      "select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'",
    ),
    // The session of a machine that is gone ends, with its locks, in a minute and not in hours.
    client.query(
      "select set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false)",
    ),
  ])
  const { encoding = '', schema = null, path = '' } = found.rows[0] ?? {}
  if (encoding !== 'UTF8') {
    const cure = `make another and name it in store.url: ${createAnotherCommand(place)}`
    throw databaseUnsuitable(place.label, `its encoding is ${encoding}, and not every text fits in`, cure)
  }
  if (schema !== null) return
  // Its first name, quoted or not, as SQL takes it.
  const first = /^\s*("(?:[^"]|"")+"|[^\s,"]+)/.exec(path)?.[1] ?? 'tandem'
  const cure = `make one: ${createSchemaCommand(place, first)}`
  throw databaseUnsuitable(place.label, `no schema of its search_path exists (${path})`, cure)
}

/** The driver reads the URL when a client is made, and what it throws about one shows it. */
function made<T>(make: () => T): T {
  try {
    return make()
  } catch {
    throw storeUrlInvalid('the driver cannot read it')
  }
}

export async function usingPostgres<T>(place: PostgresPlace, use: () => Promise<T>): Promise<T> {
  try {
    return await use()
  } catch (error) {
    throw postgresErrorOf(place.label, error)
  }
}
