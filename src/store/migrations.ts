import type { CreateTableBuilder, Kysely } from 'kysely'

/**
 * One step of the schema, in one transaction. Written with Kysely's schema builder and types that SQLite and Postgres
 * both have: text, integer (also for a boolean), bigint (times, seq). A released one never changes.
 */
export interface Migration {
  readonly version: number
  readonly name: string
  up(db: Kysely<unknown>): Promise<void>
}

export const migrations: readonly Migration[] = [{ version: 1, name: 'durable turns', up: createFirstTables }]

async function createFirstTables(db: Kysely<unknown>): Promise<void> {
  await createFactsAndSettings(db)
  await createAgents(db)
  await createTurns(db)
  await createEvents(db)
}

async function createFactsAndSettings(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('facts')
    .addColumn('name', 'text', column => column.primaryKey())
    .addColumn('value', 'text', column => column.notNull())
    .execute()
  await db.schema
    .createTable('settings')
    .addColumn('scope', 'text', column => column.primaryKey())
    .addColumn('value', 'text', column => column.notNull())
    .execute()
}

async function createAgents(db: Kysely<unknown>): Promise<void> {
  await owned(db.schema.createTable('agents').addColumn('id', 'text', column => column.primaryKey()))
    .addColumn('cwd', 'text', column => column.notNull())
    .addColumn('thread_id', 'text')
    .addColumn('status', 'text', column => column.notNull())
    .addColumn('title', 'text', column => column.notNull())
    .addColumn('door', 'text', column => column.notNull())
    .addColumn('claude_session_id', 'text')
    .addColumn('created_at', 'bigint', column => column.notNull())
    .addColumn('last_active_at', 'bigint', column => column.notNull())
    .execute()
  await index(db, 'agents', ['cwd', 'last_active_at'])
  await index(db, 'agents', ['claude_session_id', 'last_active_at'])
  await index(db, 'agents', ['last_active_at'])
  await owned(db.schema.createTable('threads').addColumn('id', 'text', column => column.primaryKey()))
    .addColumn('agent_id', 'text', column => column.notNull().references('agents.id'))
    .addColumn('created_at', 'bigint', column => column.notNull())
    .addColumn('lost_at', 'bigint')
    .execute()
  await index(db, 'threads', ['agent_id'])
}

async function createTurns(db: Kysely<unknown>): Promise<void> {
  await owned(db.schema.createTable('turns').addColumn('id', 'text', column => column.primaryKey()))
    .addColumn('agent_id', 'text', column => column.notNull().references('agents.id'))
    .addColumn('thread_id', 'text')
    .addColumn('status', 'text', column => column.notNull())
    .addColumn('prompt', 'text', column => column.notNull())
    .addColumn('request', 'text', column => column.notNull())
    .addColumn('caller', 'text', column => column.notNull())
    .addColumn('idempotency_key', 'text', column => column.unique())
    .addColumn('input_hash', 'text', column => column.notNull())
    .addColumn('accepted_at', 'bigint', column => column.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('ended_at', 'bigint')
    .addColumn('attempts', 'text', column => column.notNull())
    .addColumn('cancelled_by', 'text')
    .addColumn('paused_at', 'bigint')
    .addColumn('final_text', 'text')
    .addColumn('output', 'text')
    .addColumn('usage', 'text')
    .addColumn('diff', 'text')
    .addColumn('proposed_diff', 'text')
    .addColumn('session_restarted', 'integer', column => column.notNull())
    .addColumn('tree_before', 'text')
    .addColumn('error', 'text')
    .execute()
  await index(db, 'turns', ['status', 'accepted_at'])
  await index(db, 'turns', ['agent_id', 'accepted_at'])
  await index(db, 'turns', ['accepted_at'])
}

async function createEvents(db: Kysely<unknown>): Promise<void> {
  await owned(db.schema.createTable('events').addColumn('seq', 'bigint', column => column.notNull()))
    .addColumn('at', 'bigint', column => column.notNull())
    .addColumn('kind', 'text', column => column.notNull())
    .addColumn('agent_id', 'text', column => column.notNull())
    .addColumn('turn_id', 'text')
    .addColumn('thread_id', 'text')
    .addColumn('data', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('events_primary', ['node_id', 'seq'])
    .execute()
  // With the node first, because every reader asks for one node's and follows by seq.
  await index(db, 'events', ['node_id', 'turn_id', 'seq'])
  await index(db, 'events', ['node_id', 'agent_id', 'seq'])
}

/** Every row of work carries the node that owns it. */
function owned<Name extends string, Columns extends string>(
  table: CreateTableBuilder<Name, Columns>,
): CreateTableBuilder<Name, Columns | 'node_id'> {
  return table.addColumn('node_id', 'text', column => column.notNull())
}

async function index(db: Kysely<unknown>, table: string, columns: readonly string[]): Promise<void> {
  await db.schema
    .createIndex(`${table}_by_${columns.join('_')}`)
    .on(table)
    .columns([...columns])
    .execute()
}
