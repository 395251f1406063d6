import { asThreadId, Secret, createFakeClock, newAgentId, newTurnId, silentLog } from '#kernel'
import type { AgentId, FakeClock, Log } from '#kernel'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'
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

/** What each test of a suite finds; the getters are of the test that runs. */
export interface OpenedStore {
  readonly home: Home
  readonly store: Store
  /** Closes the store and opens it again, as the next daemon would. */
  reopen(): Promise<void>
}

/** Called once in a suite: an empty home with an open store for each of its tests, closed after it. */
export function storeForEach(arm: Arm): OpenedStore {
  let home: Home
  let store: Store
  beforeEach(async () => {
    home = await arm.create()
    store = await home.open()
  })
  afterEach(async () => {
    await store[Symbol.asyncDispose]()
    await home[Symbol.asyncDispose]()
  })
  return {
    get home() {
      return home
    },
    get store() {
      return store
    },
    async reopen() {
      await store[Symbol.asyncDispose]()
      store = await home.open()
    },
  }
}

/** What each test of a suite about Postgres alone finds; `home` is that of the test that runs. */
export interface OnPostgres {
  readonly home: PostgresHome
  /** The address of its schema with this change. */
  urlWith(change: (url: URL) => void): string
  openAt(url: string, log?: Log): Promise<Store>
}

/** Called once in a suite: an empty schema for each of its tests, dropped after it. */
export function postgresForEach(): OnPostgres {
  let home: PostgresHome
  beforeEach(async () => {
    home = await createPostgresHome()
  })
  afterEach(() => home[Symbol.asyncDispose]())
  return {
    get home() {
      return home
    },
    urlWith(change) {
      const url = new URL(home.schema.url)
      change(url)
      return url.href
    },
    openAt: (url, log = silentLog) =>
      openPostgresStore({ file: home.file, url: new Secret(url), clock: home.clock, log }, { connectTries: 3 }),
  }
}

/** What the work failed with, or 'no error'; a store that was opened after all is closed. */
export async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    async (value: unknown) => {
      if (isAsyncDisposable(value)) await value[Symbol.asyncDispose]()
      return 'no error'
    },
    (error: unknown) => error,
  )
}

const isAsyncDisposable = (value: unknown): value is AsyncDisposable =>
  value !== null && typeof value === 'object' && Symbol.asyncDispose in value

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
