import { asThreadId, Secret, createFakeClock, newAgentId, newTurnId, silentLog } from '#kernel'
import type { AgentId, FakeClock, Log } from '#kernel'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPostgresSchema, postgresUrl } from '../../test/support/postgres-schema.ts'
import type { PostgresSchema } from '../../test/support/postgres-schema.ts'
import { insertAgent } from './changes.ts'
import { openPostgresStore } from './open-postgres.ts'
import type { PostgresInsides } from './open-postgres.ts'
import { openStoreWith } from './open-store.ts'
import { queuedTurn } from './rows.ts'
import type { StoreInsides } from './open-store.ts'
import type { AgentRow, EventInput, ThreadRow, TurnRow } from './rows.ts'
import type { Store, StoreLimits } from './store.ts'

/* What the tests of this room share. Each arm is a database on which the whole suite runs. */

export interface Arm {
  readonly name: string
  create(): Promise<Home>
}

/** One empty database in a place of its own; opening it again finds what was written. */
export interface Home extends AsyncDisposable {
  /** Where the database file is, or would be. */
  readonly file: string
  readonly clock: FakeClock
  open(options?: { readonly limits?: StoreLimits }): Promise<Store>
}

export interface SqliteHome extends Home, Disposable {
  open(insides?: StoreInsides & { readonly limits?: StoreLimits }): Promise<Store>
}

export interface PostgresHome extends Home {
  readonly schema: PostgresSchema
  open(insides?: PostgresInsides & { readonly limits?: StoreLimits; readonly log?: Log }): Promise<Store>
}

const sqliteArm: Arm = { name: 'SQLite', create: async () => createSqliteHome() }
const postgresArm: Arm = { name: 'Postgres', create: () => createPostgresHome() }

export const arms: readonly Arm[] = postgresUrl === undefined ? [sqliteArm] : [sqliteArm, postgresArm]

export function createSqliteHome(): SqliteHome {
  const directory = mkdtempSync(join(tmpdir(), 'tandem-store-'))
  const file = join(directory, 'tandem.db')
  const clock = createFakeClock()
  const remove = (): void => rmSync(directory, { recursive: true, force: true })
  return {
    file,
    clock,
    open: ({ limits, ...insides } = {}) =>
      openStoreWith({ file, clock, log: silentLog, ...(limits === undefined ? {} : { limits }) }, insides),
    [Symbol.dispose]: remove,
    [Symbol.asyncDispose]: async () => remove(),
  }
}

/** With a schema that is there, a second node that shares it. */
export async function createPostgresHome(shared?: PostgresSchema): Promise<PostgresHome> {
  const directory = mkdtempSync(join(tmpdir(), 'tandem-store-'))
  const schema = shared ?? (await createPostgresSchema())
  const file = join(directory, 'tandem.db')
  const clock = createFakeClock()
  const url = new Secret(schema.url)
  return {
    file,
    clock,
    schema,
    open: ({ limits, log = silentLog, ...insides } = {}) =>
      openPostgresStore({ file, url, clock, log, ...(limits === undefined ? {} : { limits }) }, insides),
    async [Symbol.asyncDispose]() {
      rmSync(directory, { recursive: true, force: true })
      if (shared === undefined) await schema[Symbol.asyncDispose]()
    },
  }
}

export function agentRow(store: Store, part: Partial<AgentRow> = {}): AgentRow {
  return {
    id: newAgentId(1000),
    nodeId: store.nodeId,
    cwd: '/project',
    threadId: null,
    status: 'open',
    title: 'a title',
    door: 'cli',
    claudeSessionId: null,
    createdAt: 1_700_000_000_000,
    lastActiveAt: 1_700_000_000_000,
    ...part,
  }
}

export async function addAgent(store: Store, part: Partial<AgentRow> = {}): Promise<AgentRow> {
  const agent = agentRow(store, part)
  await store.commit({ changes: [insertAgent(agent)] })
  return agent
}

export function threadRow(agent: AgentRow, id: string, part: Partial<ThreadRow> = {}): ThreadRow {
  return { id: asThreadId(id), nodeId: agent.nodeId, agentId: agent.id, createdAt: 1, lostAt: null, ...part }
}

export function turnRow(agent: AgentRow, part: Partial<TurnRow> = {}): TurnRow {
  const accepted = queuedTurn({
    id: newTurnId(2000),
    nodeId: agent.nodeId,
    agentId: agent.id,
    threadId: null,
    prompt: 'do it',
    request: { sandbox: 'read-only' },
    caller: { door: 'cli' },
    idempotencyKey: null,
    inputHash: 'hash',
    acceptedAt: 1_700_000_000_000,
  })
  return { ...accepted, ...part }
}

export function textEvent(
  agentId: AgentId,
  text: string,
  part: Partial<Pick<EventInput, 'turnId' | 'threadId'>> = {},
): EventInput {
  return { kind: 'text', data: { item_id: 'item', text }, agentId, turnId: null, threadId: null, ...part }
}
