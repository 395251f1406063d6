import { newAgentId, silentLog } from '#kernel'
import { chmodSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { insertTurn, openStore, putSettings, updateAgent } from './index.ts'
import { addAgent, createSqliteHome, errorOf, textEvent, turnRow } from './test-arms.ts'
import type { SqliteHome } from './test-arms.ts'

let home: SqliteHome

beforeEach(() => {
  home = createSqliteHome()
})

afterEach(() => home[Symbol.dispose]())

describe('the files', () => {
  test('are for the owner only, made or found', async () => {
    {
      await using store = await home.open()
      await store.commit({ changes: [putSettings('global', {})] })
      expect(modes()).toEqual({ 'tandem.db': '600', 'tandem.db-shm': '600', 'tandem.db-wal': '600' })
    }
    chmodSync(home.file, 0o644)
    await using store = await home.open()
    expect(await store.settings.get('global')).toEqual({})
    expect(modes()).toEqual({ 'tandem.db': '600', 'tandem.db-shm': '600', 'tandem.db-wal': '600' })
  })

  test('are one file after a close', async () => {
    const store = await home.open()
    await store.commit({ changes: [putSettings('global', { reasoning: true })] })
    await store[Symbol.asyncDispose]()
    expect(readdirSync(dirname(home.file))).toEqual(['tandem.db'])
  })

  test('an open that fails says why', async () => {
    using elsewhere = createSqliteHome()
    const { clock } = home
    const log = silentLog
    const noDirectory = openStore({ file: `${elsewhere.file}/missing/tandem.db`, clock, log })
    expect(await errorOf(noDirectory)).toMatchObject({ code: 'STORE_FAILED', kind: 'unavailable' })
    const isDirectory = openStore({ file: dirname(elsewhere.file), clock, log })
    expect(await errorOf(isDirectory)).toMatchObject({ code: 'STORE_FAILED' })
  })
})

describe('a file that is not ours to use', () => {
  test('of a newer version is refused and not touched', async () => {
    await (await home.open())[Symbol.asyncDispose]()
    markNewer().close()
    const before = snapshot()
    expect(await errorOf(home.open())).toMatchObject({
      code: 'STORE_NEWER',
      message: expect.stringContaining('has version 99, this Tandem knows versions up to 1'),
      data: { database: 99, known: 1 },
    })
    expect(snapshot()).toEqual(before)
  })

  test('of a newer version that is still in the write-ahead log, too', async () => {
    await (await home.open())[Symbol.asyncDispose]()
    using other = markNewer()
    const before = snapshot()
    expect(Object.keys(before)).toContain('tandem.db-wal')
    expect(await errorOf(home.open())).toMatchObject({ code: 'STORE_NEWER' })
    expect(other.isOpen).toBe(true)
    // The shared memory of a live log is where readers announce themselves.
    expect(without(snapshot(), 'tandem.db-shm')).toEqual(without(before, 'tandem.db-shm'))
  })

  test('that is no database is refused and not touched', async () => {
    writeFileSync(home.file, 'this is no database. '.repeat(1000))
    const before = snapshot()
    const error = await errorOf(home.open())
    expect(error).toMatchObject({
      code: 'STORE_CORRUPT',
      kind: 'unavailable',
      hint: expect.stringMatching(
        /^[^;]*: tandem down && mkdir (\S+\.damaged-\d{8}-\d{6}) && mv .* \1 2>\/dev\/null; tandem up$/,
      ),
    })
    expect(snapshot()).toEqual(before)
  })

  test('of another program is refused and not touched', async () => {
    const other = new DatabaseSync(home.file)
    other.exec('create table theirs (x)')
    other.close()
    const before = snapshot()
    expect(await errorOf(home.open())).toMatchObject({ code: 'STORE_CORRUPT' })
    expect(snapshot()).toEqual(before)
  })

  test('that lost its end is refused', async () => {
    await (await home.open())[Symbol.asyncDispose]()
    truncateSync(home.file, 4096)
    expect(await errorOf(home.open())).toMatchObject({ code: 'STORE_CORRUPT' })
  })

  test('that is damaged only where something is read later tells it from then on', async () => {
    {
      await using store = await home.open()
      const agent = await addAgent(store)
      await store.commit({ events: Array.from({ length: 300 }, () => textEvent(agent.id, 'x'.repeat(2000))) })
    }
    const bytes = readFileSync(home.file)
    // Pages of events, of which the start reads only the last.
    const middle = 4096 * Math.floor(bytes.length / 4096 / 2)
    bytes.fill(0x5a, middle, middle + 5 * 4096)
    writeFileSync(home.file, bytes)
    await using store = await home.open()
    expect(store.damage()).toBeUndefined()
    expect(await errorOf(store.events.after({ cursor: 0, limit: 1000 }))).toMatchObject({ code: 'STORE_CORRUPT' })
    await store.commit({ changes: [putSettings('global', {})] })
    expect(store.damage()).toMatchObject({ code: 'STORE_CORRUPT' })
  })

  test('an empty one is a new one', async () => {
    writeFileSync(home.file, '')
    await using store = await home.open()
    expect(await store.events.lastSeq()).toBe(0)
  })
})

describe('a lock of another process', () => {
  const limits = { lockWaitMs: 50 }

  test('refuses the open', async () => {
    await (await home.open())[Symbol.asyncDispose]()
    using other = new DatabaseSync(home.file)
    other.exec('begin immediate')
    expect(await errorOf(home.open({ limits }))).toMatchObject({ code: 'STORE_LOCKED', kind: 'unavailable' })
    other.exec('rollback; pragma locking_mode = exclusive; begin exclusive')
    expect(await errorOf(home.open({ limits }))).toMatchObject({ code: 'STORE_LOCKED' })
  })

  test('refuses a write, and the next one works', async () => {
    await using store = await home.open({ limits })
    using other = new DatabaseSync(home.file)
    other.exec('begin immediate')
    expect(await errorOf(store.commit({ events: [textEvent(newAgentId(1), 'no')] }))).toMatchObject({
      code: 'STORE_LOCKED',
    })
    other.exec('rollback')
    expect(await store.commit({ events: [textEvent(newAgentId(1), 'yes')] })).toMatchObject([{ seq: 2 }])
  })
})

describe('rows of another version', () => {
  test('are read as far as they are understood', async () => {
    const first = await home.open()
    const agent = await addAgent(first)
    const turn = turnRow(agent)
    await first.commit({ changes: [insertTurn(turn), putSettings('global', { reasoning: true })] })
    await first[Symbol.asyncDispose]()
    const other = new DatabaseSync(home.file)
    other.exec(`update turns set usage = '{"input_tokens": "many"}', output = '{', request = '[]', attempts = '7',
      error = '{"code": "X", "kind": "unheard", "message": "m", "more": 1}'`)
    other.exec(`update settings set value = '{"reasoning": true, "effort": "boundless", "volume": 11}'`)
    other.close()
    await using store = await home.open()
    expect(await store.turns.byId(turn.id)).toEqual({
      ...turn,
      request: {},
      error: { code: 'X', kind: 'bug', message: 'm' },
    })
    expect(await store.settings.get('global')).toEqual({ reasoning: true })
  })
})

describe('a full disk', () => {
  test('rejects what has no room, keeps what was acknowledged, and goes on', async () => {
    await using store = await home.open({ faults: { maxPages: 80 } })
    const agent = await addAgent(store)
    const written: number[] = []
    const error = await errorOf(
      (async () => {
        for (let n = 0; n < 1000; n += 1) {
          const [event] = await store.commit({ events: [textEvent(agent.id, 'x'.repeat(5000))] })
          if (event !== undefined) written.push(event.seq)
        }
      })(),
    )
    expect(error).toMatchObject({
      code: 'STORE_FULL',
      kind: 'unavailable',
      hint: expect.stringContaining('free space'),
    })
    expect(written.length).toBeGreaterThan(5)
    const kept = await store.events.after({ cursor: 0, limit: 2000 })
    expect(kept.map(event => event.seq)).toEqual(written)
    await store.commit({ changes: [updateAgent(agent.id, { title: 'b title' })] })
    expect(await store.agents.byId(agent.id)).toEqual({ ...agent, title: 'b title' })
  })
})

function modes(): Readonly<Record<string, string>> {
  return eachFile(path => (statSync(path).mode & 0o777).toString(8))
}

function snapshot(): Readonly<Record<string, string>> {
  return eachFile(path => {
    const { mtimeNs, mode } = statSync(path, { bigint: true })
    return `${mode} ${mtimeNs} ${readFileSync(path).toString('base64')}`
  })
}

function eachFile(describeFile: (path: string) => string): Readonly<Record<string, string>> {
  const directory = dirname(home.file)
  return Object.fromEntries(
    readdirSync(directory)
      .sort()
      .map(name => [name, describeFile(`${directory}/${name}`)]),
  )
}

function without(files: Readonly<Record<string, string>>, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(files).filter(([other]) => other !== name))
}

function markNewer(): DatabaseSync {
  const database = new DatabaseSync(home.file)
  database.exec("insert into migrations (version, name, applied_at) values (99, 'later', 0)")
  return database
}
