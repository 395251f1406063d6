import { newAgentId, Secret, silentLog } from '#kernel'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { postgresUrl } from '../../test/support/postgres-schema.ts'
import { insertTurn, inspectStore, openStore, putSettings } from './index.ts'
import type { Store } from './index.ts'
import { migrations } from './migrations.ts'
import type { Migration } from './migrations.ts'
import { nodeFileOf } from './node-file.ts'
import { addAgent, createPostgresHome, errorOf, postgresForEach, textEvent, turnRow } from './test-arms.ts'

const agentId = newAgentId(1)

describe.skipIf(postgresUrl === undefined)('a store in Postgres', () => {
  const on = postgresForEach()

  const inspected = () => ({ file: on.home.file, url: new Secret(on.home.schema.url) })

  describe('that cannot be opened says why, and never the password:', () => {
    const cases: readonly (readonly [string, () => string, object])[] = [
      ['no server', () => on.urlWith(url => (url.port = '1')), { code: 'STORE_FAILED', kind: 'unavailable' }],
      ['no such host', () => on.urlWith(url => (url.hostname = 'nowhere.invalid')), { code: 'STORE_FAILED' }],
      [
        'no database',
        () => on.urlWith(url => (url.pathname = '/none')),
        { code: 'STORE_NO_DATABASE', kind: 'missing', hint: expect.stringMatching(/createdb .*template0 none\)/) },
      ],
      [
        'no schema',
        () => on.urlWith(url => url.searchParams.set('options', '-csearch_path=none')),
        { code: 'STORE_UNSUITABLE', hint: expect.stringMatching(/^make one: psql .*--command='create schema none'$/) },
      ],
      ['no user', () => on.urlWith(url => (url.username = 'nobody_here')), { code: 'STORE_DENIED', kind: 'denied' }],
      [
        'a server of another kind',
        () => on.home.schema.url.replace('postgres:', 'mysql:'),
        { code: 'STORE_URL_INVALID' },
      ],
      ['a password with a slash', () => 'postgres://me:hunter2/x@127.0.0.1/db', { code: 'STORE_URL_INVALID' }],
      ['a password with a hash', () => 'postgres://me:12#hunter2@127.0.0.1/db', { code: 'STORE_URL_INVALID' }],
      ['a port that is none', () => 'postgres://me:hunter2@127.0.0.1:hunter2/db', { code: 'STORE_URL_INVALID' }],
      ['an encoding that is none', () => 'postgres://me:hunter2%@127.0.0.1:1/db', { code: 'STORE_FAILED' }],
    ]
    test.each(cases)('%s', async (_name, urlOf, expected) => {
      const written = urlOf()
      const url = written.includes('hunter2') ? written : written.replace(/@|(?<=\/\/)(?=[^@]*$)/, ':hunter2@')
      const lines: unknown[] = []
      const keep = (...line: unknown[]): void => void lines.push(line)
      const error = await errorOf(on.openAt(url, { debug: keep, info: keep, warn: keep, error: keep }))
      expect(error).toMatchObject(expected)
      expect(inspect([error, lines], { depth: 20, showHidden: true })).not.toContain('hunter2')
      expect(JSON.stringify([error, lines])).not.toContain('hunter2')
    })

    test('a wrong password, a server that starts up, one with no room', async () => {
      for (const [sqlState, code] of [
        ['28P01', 'STORE_DENIED'],
        ['57P03', 'STORE_FAILED'],
        ['57P01', 'STORE_FAILED'],
        ['57P02', 'STORE_FAILED'],
        ['55000', 'STORE_FAILED'],
        ['53300', 'STORE_FAILED'],
      ] as const) {
        await using server = await startRefusing(sqlState)
        const error = await errorOf(on.openAt(`postgres://me:hunter2@127.0.0.1:${server.port}/db`))
        expect(error).toMatchObject({ code })
        expect(inspect(error, { depth: 20 })).not.toContain('hunter2')
      }
    })

    test('a schema of a newer version, which is not touched', async () => {
      await (await on.home.open())[Symbol.asyncDispose]()
      expect(await inspectStore(inspected())).toMatchObject({ version: 1 })
      await on.home.schema.query('update migrations set version = 99')
      expect(await errorOf(inspectStore(inspected()))).toMatchObject({ code: 'STORE_NEWER' })
      expect(await errorOf(on.home.open())).toMatchObject({ code: 'STORE_NEWER', data: { database: 99, known: 1 } })
      expect(await on.home.schema.query('select version from migrations')).toEqual([{ version: 99 }])
    })

    test('tables of another program', async () => {
      await on.home.schema.query('create table events (theirs text)')
      expect(await errorOf(on.home.open())).toMatchObject({ code: 'STORE_UNSUITABLE' })
      await on.home.schema.query('create table migrations (id int, batch int)')
      expect(await errorOf(on.home.open())).toMatchObject({ code: 'STORE_UNSUITABLE' })
      expect(await on.home.schema.query('select * from events')).toEqual([])
    })
  })

  describe('is brought to this version', () => {
    test('once, whoever else begins at the same moment', async () => {
      const homes = await Promise.all(Array.from({ length: 6 }, () => createPostgresHome(on.home.schema)))
      const stores = await Promise.all(homes.map(other => other.open()))
      expect(await on.home.schema.query('select version from migrations')).toEqual([{ version: 1 }])
      expect(new Set(stores.map(store => store.nodeId)).size).toBe(6)
      for (const store of stores) await store[Symbol.asyncDispose]()
      for (const other of homes) await other[Symbol.asyncDispose]()
    })

    test('or left as it was when a migration fails', async () => {
      const agent = await (async () => {
        await using store = await on.home.open()
        return await addAgent(store)
      })()
      const broken: Migration = {
        version: 2,
        name: 'broken',
        async up(db) {
          await db.schema.createTable('half').addColumn('id', 'text').execute()
          throw new TypeError('a mistake')
        },
      }
      expect(await errorOf(on.home.open({ migrations: [...migrations, broken] }))).toMatchObject({
        code: 'STORE_MIGRATION_FAILED',
      })
      await using store = await on.home.open()
      expect(await store.agents.byId(agent.id)).toEqual(agent)
      expect(await on.home.schema.query("select to_regclass('half') as half")).toEqual([{ half: null }])
    })
  })

  test('has its node in a file; without it, that of the database file that was used before', async () => {
    const first = await nodeOf(on.home.open())
    expect(await nodeOf(on.home.open())).toBe(first)
    rmSync(nodeFileOf(on.home.file))
    const inFile = await nodeOf(openStore({ file: on.home.file, clock: on.home.clock, log: silentLog }))
    expect(inFile).not.toBe(first)
    expect(await nodeOf(on.home.open())).toBe(inFile)
    rmSync(on.home.file)
    expect(await nodeOf(openStore({ file: on.home.file, clock: on.home.clock, log: silentLog }))).toBe(inFile)
  })

  test('is written by one daemon of a node', async () => {
    await using store = await on.home.open()
    expect(await errorOf(on.home.open({ connectTries: 2 }))).toMatchObject({
      code: 'STORE_LOCKED',
      hint: expect.stringContaining('node-id'),
    })
    await store.commit({ events: [textEvent(agentId, 'goes on')] })
  })

  describe('of two nodes', () => {
    test('each has its own numbers, lists and open turns; keys and settings are of both', async () => {
      await using other = await createPostgresHome(on.home.schema)
      await using a = await on.home.open()
      await using b = await other.open()
      const [agentA, agentB] = [await addAgent(a), await addAgent(b, { lastActiveAt: 1 })]
      const [turnA, turnB] = [turnRow(agentA, { idempotencyKey: 'key' }), turnRow(agentB)]
      const events = (store: Store, turn: typeof turnA): Promise<unknown> =>
        store.commit({
          changes: [insertTurn(turn)],
          events: [textEvent(turn.agentId, turn.id, { turnId: turn.id })],
        })
      await Promise.all([events(a, turnA), events(b, turnB)])
      expect(await a.turns.open(a.nodeId)).toEqual([turnA])
      expect(await b.turns.open(b.nodeId)).toEqual([turnB])
      expect(await a.turns.list({ limit: 9 })).toEqual([turnA])
      expect(await b.agents.list({ limit: 9 })).toEqual([agentB])
      expect(await b.agents.latest({ cwd: '/project' })).toEqual(agentB)
      expect([await a.agents.count(), await a.turns.counts()]).toEqual([1, { queued: 1, running: 0, ended: 0 }])
      expect(await a.events.lastSeq()).toBe(1)
      expect(await b.events.lastSeq()).toBe(1)
      expect(await b.turns.byId(turnA.id)).toEqual(turnA)
      expect(await b.events.last({ turnId: turnA.id })).toBeUndefined()
      expect(await b.events.last({ turnId: turnA.id, nodeId: a.nodeId })).toMatchObject({ data: { text: turnA.id } })
      const again = b.commit({ changes: [insertTurn(turnRow(agentB, { idempotencyKey: 'key' }))] })
      expect(await errorOf(again)).toMatchObject({
        code: 'STORE_DUPLICATE_KEY',
        data: { unique: 'turns.idempotency_key' },
      })
      await a.commit({ changes: [putSettings('global', { effort: 'high' })] })
      expect(await b.settings.get('global')).toEqual({ effort: 'high' })
    })

    test('who get into each other’s way both get through', async () => {
      await using other = await createPostgresHome(on.home.schema)
      await using a = await on.home.open()
      await using b = await other.open()
      const work = (store: Store, scopes: readonly string[]): Promise<unknown> =>
        store.commit({ changes: scopes.map(scope => putSettings(scope, { effort: 'low' })) })
      for (let round = 0; round < 20; round += 1)
        await Promise.all([work(a, ['one', 'two', 'three']), work(b, ['three', 'two', 'one'])])
      expect(await a.settings.get('three')).toEqual({ effort: 'low' })
    })
  })
})

interface Refusing extends AsyncDisposable {
  readonly port: number
}

/** A server that answers every connection with one error of Postgres. */
async function startRefusing(sqlState: string): Promise<Refusing> {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      const body = Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0Mno\0\0`)
      const head = Buffer.alloc(5)
      head.write('E')
      head.writeInt32BE(body.length + 4, 1)
      socket.end(Buffer.concat([head, body]))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a server has a port')
  return {
    port: address.port,
    [Symbol.asyncDispose]: () => new Promise<void>(resolve => void server.close(() => resolve())),
  }
}

async function nodeOf(opening: Promise<Store>): Promise<string> {
  await using store = await opening
  return store.nodeId
}
