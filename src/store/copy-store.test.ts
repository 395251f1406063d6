import { asThreadId, newAgentId, Secret, silentLog, systemClock } from '#kernel'
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { dirname } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { postgresUrl } from '../../test/support/postgres-schema.ts'
import { copyTables } from './copy-end.ts'
import { copyStore, insertThread, insertTurn, putSettings } from './index.ts'
import type { Store, StorePlace } from './index.ts'
import { nodeFileOf } from './node-file.ts'
import { addAgent, createPostgresHome, createSqliteHome, textEvent, threadRow, turnRow } from './test-arms.ts'
import type { Home, PostgresHome, SqliteHome } from './test-arms.ts'

let here: SqliteHome
let elsewhere: SqliteHome

beforeEach(() => {
  here = createSqliteHome()
  elsewhere = createSqliteHome()
})

afterEach(() => {
  here[Symbol.dispose]()
  elsewhere[Symbol.dispose]()
})

const fileOf = (home: Home): StorePlace => ({ kind: 'file', file: home.file })
const databaseOf = (home: PostgresHome): StorePlace => ({ kind: 'postgres', url: new Secret(home.schema.url) })

interface Copying {
  readonly signal?: AbortSignal
  readonly onStep?: (step: string) => void
}

function copy(from: StorePlace, to: StorePlace, options: Copying = {}): ReturnType<typeof copyStore> {
  return copyStore({
    from,
    to,
    storeFile: here.file,
    clock: systemClock,
    log: silentLog,
    signal: options.signal ?? new AbortController().signal,
    onStep: options.onStep ?? (() => undefined),
  })
}

test('every table of a database is copied, or is one of the two that belong to their place', async () => {
  await (await here.open())[Symbol.asyncDispose]()
  using database = new DatabaseSync(here.file)
  const tables = database.prepare("select name from sqlite_master where type = 'table'").all()
  const known = [...copyTables.map(table => table.name), 'facts', 'migrations']
  expect(tables.map(table => String(table['name'])).toSorted()).toEqual(known.toSorted())
})

describe('a copy from file to file', () => {
  test('has every row and its node, is for the owner only, and leaves the first one as it was', async () => {
    const all = await fill(here)
    const before = readFileSync(here.file)
    const report = await copy(fileOf(here), fileOf(elsewhere))
    expect(report).toMatchObject({ from: here.file, to: elsewhere.file, node_id: all.nodeId, nodes: [all.nodeId] })
    expect(report.tables.map(({ name, rows }) => [name, rows])).toEqual([
      ['settings', 2],
      ['agents', 1],
      ['threads', 1],
      ['turns', 250],
      ['events', 250],
    ])
    expect(readFileSync(here.file)).toEqual(before)
    expect(readdirSync(dirname(here.file))).toEqual(['tandem.db'])
    expect(readdirSync(dirname(elsewhere.file))).toEqual(['tandem.db'])
    expect(statSync(elsewhere.file).mode & 0o777).toBe(0o600)
    expect(await contentsOf(elsewhere)).toEqual(all)
  })

  test('goes into a database without rows, and into no other', async () => {
    await fill(here)
    {
      await using store = await elsewhere.open()
      // As health does to see that it can.
      await store.commit({ changes: [putSettings(`health:${store.nodeId}`, {})] })
    }
    await copy(fileOf(here), fileOf(elsewhere))
    const before = readFileSync(elsewhere.file)
    expect(await errorOf(copy(fileOf(here), fileOf(elsewhere)))).toMatchObject({ code: 'STORE_NOT_EMPTY' })
    expect(readFileSync(elsewhere.file)).toEqual(before)
    expect(readdirSync(dirname(elsewhere.file))).toEqual(['tandem.db'])
  })

  test('never replaces one that is open', async () => {
    await fill(here)
    await using store = await elsewhere.open()
    expect(await errorOf(copy(fileOf(here), fileOf(elsewhere)))).toMatchObject({ code: 'STORE_NOT_EMPTY' })
    await store.commit({ changes: [putSettings('global', {})] })
  })

  test('that is left in the middle leaves nothing, and what an earlier one left is no hindrance', async () => {
    await fill(here)
    const leaving = new AbortController()
    const left = copy(fileOf(here), fileOf(elsewhere), {
      signal: leaving.signal,
      onStep: step => step.startsWith('turns') && leaving.abort(),
    })
    expect(await errorOf(left)).toMatchObject({ name: 'AbortError' })
    expect(readdirSync(dirname(elsewhere.file))).toEqual([])
    const remains = new DatabaseSync(`${elsewhere.file}.partial`)
    remains.exec('create table half (x)')
    remains.close()
    await copy(fileOf(here), fileOf(elsewhere))
    expect(readdirSync(dirname(elsewhere.file))).toEqual(['tandem.db'])
  })

  test('into a directory that cannot be written says so', async () => {
    await fill(here)
    const missing: StorePlace = { kind: 'file', file: `${elsewhere.file}/none/tandem.db` }
    expect(await errorOf(copy(fileOf(here), missing))).toMatchObject({ code: 'STORE_FAILED' })
    chmodSync(here.file, 0o600)
  })

  test('of what is not there, or is of another version, is refused', async () => {
    expect(await errorOf(copy(fileOf(here), fileOf(elsewhere)))).toMatchObject({ code: 'STORE_NO_DATABASE' })
    await fill(here)
    const database = new DatabaseSync(here.file)
    database.exec('update migrations set version = 99')
    expect(await errorOf(copy(fileOf(here), fileOf(elsewhere)))).toMatchObject({ code: 'STORE_NEWER' })
    database.exec('update migrations set version = 0')
    database.close()
    expect(await errorOf(copy(fileOf(here), fileOf(elsewhere)))).toMatchObject({ code: 'STORE_OLDER' })
    expect(existsSync(elsewhere.file)).toBe(false)
  })
})

describe.skipIf(postgresUrl === undefined)('a copy into Postgres', () => {
  let shared: PostgresHome

  beforeEach(async () => {
    shared = await createPostgresHome()
  })

  afterEach(() => shared[Symbol.asyncDispose]())

  test('and back again has the same rows; the daemon of this directory stays the node that owns them', async () => {
    const all = await fill(here)
    const there = await copy(fileOf(here), databaseOf(shared))
    expect(readFileSync(nodeFileOf(here.file), 'utf8').trim()).toBe(all.nodeId)
    expect(there.to).not.toContain('options')
    const back = await copy(databaseOf(shared), fileOf(elsewhere))
    expect(back.tables).toEqual(there.tables)
    expect(back.node_id).toBe(all.nodeId)
    expect(await contentsOf(elsewhere)).toEqual(all)
    const again = await createPostgresHome(shared.schema)
    await using _again = again
    const url = new Secret(shared.schema.url)
    const { openStore } = await import('./index.ts')
    await using store = await openStore({ file: here.file, url, clock: systemClock, log: silentLog })
    expect(store.nodeId).toBe(all.nodeId)
    expect(await store.turns.open(store.nodeId)).toHaveLength(250)
    expect(await store.commit({ events: [textEvent(newAgentId(1), 'next')] })).toMatchObject([{ seq: 251 }])
  })

  test('goes into a schema without rows, and into no other', async () => {
    await fill(here)
    await using store = await shared.open()
    await store.commit({ changes: [putSettings('global', {})] })
    expect(await errorOf(copy(fileOf(here), databaseOf(shared)))).toMatchObject({ code: 'STORE_NOT_EMPTY' })
    expect(await store.turns.counts()).toEqual({ queued: 0, running: 0, ended: 0 })
  })

  test('that is left in the middle leaves a schema without rows', async () => {
    await fill(here)
    const leaving = new AbortController()
    const left = copy(fileOf(here), databaseOf(shared), {
      signal: leaving.signal,
      onStep: step => step.startsWith('turns') && leaving.abort(),
    })
    expect(await errorOf(left)).toMatchObject({ name: 'AbortError' })
    expect(await shared.schema.query('select count(*)::int as count from turns')).toEqual([{ count: 0 }])
    await copy(fileOf(here), databaseOf(shared))
  })

  test('that the database spoils is refused, with nothing kept', async () => {
    await fill(here)
    await (await shared.open())[Symbol.asyncDispose]()
    await shared.schema.query(`create function spoil() returns trigger language plpgsql as $$
      begin new.prompt := new.prompt || ' and more'; return new; end $$`)
    await shared.schema.query('create trigger spoil before insert on turns for each row execute function spoil()')
    expect(await errorOf(copy(fileOf(here), databaseOf(shared)))).toMatchObject({ code: 'STORE_COPY_DIFFERS' })
    expect(await shared.schema.query('select count(*)::int as count from turns')).toEqual([{ count: 0 }])
  })

  test('of two nodes keeps both; a file has the node of this directory', async () => {
    const mine = await fill(here)
    await copy(fileOf(here), databaseOf(shared))
    const other = await createPostgresHome(shared.schema)
    await using _other = other
    const theirs = await (async () => {
      await using store = await other.open()
      await addAgent(store)
      return store.nodeId
    })()
    const report = await copy(databaseOf(shared), fileOf(elsewhere))
    expect(report.nodes).toEqual([mine.nodeId, theirs].toSorted())
    await using store = await elsewhere.open()
    expect([store.nodeId, await store.agents.count()]).toEqual([mine.nodeId, 1])
  })
})

/** More than two pages, with all that is hard to keep. */
async function fill(home: Home): Promise<Awaited<ReturnType<typeof contentsOf>>> {
  {
    await using store = await home.open()
    const agent = await addAgent(store, { title: 'NUL \0, SUB \u001a0, ein Titel — 題 \u{1f600}' })
    const turns = Array.from({ length: 250 }, (_, n) =>
      turnRow(agent, {
        prompt: `${n} \0 \u001a ${'x'.repeat(n * 20)}`,
        idempotencyKey: n % 2 === 0 ? `key ${n}` : null,
        output: { n, list: [null, '\0'] },
      }),
    )
    await store.commit({
      changes: [
        putSettings('global', { effort: 'high' }),
        putSettings('project:/ä', { effort: null }),
        putSettings(`health:${store.nodeId}`, {}),
        insertThread(threadRow(agent, 'thread', { lostAt: 1_700_000_000_123 })),
        ...turns.map(insertTurn),
      ],
      events: turns.map(turn =>
        textEvent(agent.id, `\0 ${turn.prompt}`, { turnId: turn.id, threadId: asThreadId('thread') }),
      ),
    })
  }
  return contentsOf(home)
}

async function contentsOf(home: Home) {
  await using store: Store = await home.open()
  return {
    nodeId: store.nodeId,
    agents: await store.agents.list({ limit: 1000, withArchived: true }),
    turns: await store.turns.list({ limit: 1000 }),
    events: await store.events.after({ cursor: 0, limit: 1000 }),
    settings: [await store.settings.get('global'), await store.settings.get('project:/ä')],
  }
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => error,
  )
}
