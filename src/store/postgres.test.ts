import { newAgentId, newTurnId, Secret, silentLog, sleep } from '#kernel'
import type { Log } from '#kernel'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { postgresUrl } from '../../test/support/postgres-schema.ts'
import { insertTurn, inspectStore, openStore, putSettings, updateAgent } from './index.ts'
import type { Store } from './index.ts'
import { migrations } from './migrations.ts'
import type { Migration } from './migrations.ts'
import { nodeFileOf } from './node-file.ts'
import { openPostgresStore } from './open-postgres.ts'
import { addAgent, createPostgresHome, textEvent, turnRow } from './test-arms.ts'
import type { PostgresHome } from './test-arms.ts'
import { startLink } from '../../test/support/tcp-link.ts'
import type { Link } from '../../test/support/tcp-link.ts'

const agentId = newAgentId(1)

describe.skipIf(postgresUrl === undefined)('a store in Postgres', () => {
  let home: PostgresHome

  beforeEach(async () => {
    home = await createPostgresHome()
  })

  afterEach(() => home[Symbol.asyncDispose]())

  function openAt(url: string, log: Log = silentLog): Promise<Store> {
    const { file, clock } = home
    return openPostgresStore({ file, url: new Secret(url), clock, log }, { connectTries: 3 })
  }

  const inspected = () => ({ file: home.file, url: new Secret(home.schema.url) })

  const changed = (change: (url: URL) => void): string => {
    const url = new URL(home.schema.url)
    change(url)
    return url.href
  }

  describe('that cannot be opened says why, and never the password:', () => {
    const cases: readonly (readonly [string, () => string, object])[] = [
      ['no server', () => changed(url => (url.port = '1')), { code: 'STORE_FAILED', kind: 'unavailable' }],
      ['no such host', () => changed(url => (url.hostname = 'nowhere.invalid')), { code: 'STORE_FAILED' }],
      ['no database', () => changed(url => (url.pathname = '/none')), { code: 'STORE_NO_DATABASE', kind: 'missing' }],
      [
        'no schema',
        () => changed(url => url.searchParams.set('options', '-csearch_path=none')),
        { code: 'STORE_UNSUITABLE' },
      ],
      ['no user', () => changed(url => (url.username = 'nobody_here')), { code: 'STORE_DENIED', kind: 'denied' }],
      ['a server of another kind', () => home.schema.url.replace('postgres:', 'mysql:'), { code: 'STORE_URL_INVALID' }],
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
      const error = await errorOf(openAt(url, { debug: keep, info: keep, warn: keep, error: keep }))
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
        const error = await errorOf(openAt(`postgres://me:hunter2@127.0.0.1:${server.port}/db`))
        expect(error).toMatchObject({ code })
        expect(inspect(error, { depth: 20 })).not.toContain('hunter2')
      }
    })

    test('a schema of a newer version, which is not touched', async () => {
      await (await home.open())[Symbol.asyncDispose]()
      expect(await inspectStore(inspected())).toMatchObject({ version: 1 })
      await home.schema.query('update migrations set version = 99')
      expect(await errorOf(inspectStore(inspected()))).toMatchObject({ code: 'STORE_NEWER' })
      expect(await errorOf(home.open())).toMatchObject({ code: 'STORE_NEWER', data: { database: 99, known: 1 } })
      expect(await home.schema.query('select version from migrations')).toEqual([{ version: 99 }])
    })

    test('tables of another program', async () => {
      await home.schema.query('create table events (theirs text)')
      expect(await errorOf(home.open())).toMatchObject({ code: 'STORE_UNSUITABLE' })
      await home.schema.query('create table migrations (id int, batch int)')
      expect(await errorOf(home.open())).toMatchObject({ code: 'STORE_UNSUITABLE' })
      expect(await home.schema.query('select * from events')).toEqual([])
    })
  })

  describe('is brought to this version', () => {
    test('once, whoever else begins at the same moment', async () => {
      const homes = await Promise.all(Array.from({ length: 6 }, () => createPostgresHome(home.schema)))
      const stores = await Promise.all(homes.map(other => other.open()))
      expect(await home.schema.query('select version from migrations')).toEqual([{ version: 1 }])
      expect(new Set(stores.map(store => store.nodeId)).size).toBe(6)
      for (const store of stores) await store[Symbol.asyncDispose]()
      for (const other of homes) await other[Symbol.asyncDispose]()
    })

    test('or left as it was when a migration fails', async () => {
      const agent = await (async () => {
        await using store = await home.open()
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
      expect(await errorOf(home.open({ migrations: [...migrations, broken] }))).toMatchObject({
        code: 'STORE_MIGRATION_FAILED',
      })
      await using store = await home.open()
      expect(await store.agents.byId(agent.id)).toEqual(agent)
      expect(await home.schema.query("select to_regclass('half') as half")).toEqual([{ half: null }])
    })
  })

  test('has its node in a file; without it, that of the database file that was used before', async () => {
    const first = await nodeOf(home.open())
    expect(await nodeOf(home.open())).toBe(first)
    rmSync(nodeFileOf(home.file))
    const inFile = await nodeOf(openStore({ file: home.file, clock: home.clock, log: silentLog }))
    expect(inFile).not.toBe(first)
    expect(await nodeOf(home.open())).toBe(inFile)
    rmSync(home.file)
    expect(await nodeOf(openStore({ file: home.file, clock: home.clock, log: silentLog }))).toBe(inFile)
  })

  test('is written by one daemon of a node', async () => {
    await using store = await home.open()
    expect(await errorOf(home.open({ connectTries: 2 }))).toMatchObject({
      code: 'STORE_LOCKED',
      hint: expect.stringContaining('node-id'),
    })
    await store.commit({ events: [textEvent(agentId, 'goes on')] })
  })

  describe('whose connection is lost', () => {
    let link: Link
    let store: Store
    let beforeCommit: (() => void) | undefined

    beforeEach(async () => {
      link = await startLink(changed(url => url.searchParams.set('query_timeout', '1000')))
      beforeCommit = undefined
      store = await openPostgresStore(
        { file: home.file, url: new Secret(link.url), clock: home.clock, log: silentLog },
        {
          connectTries: 3,
          beforeCommit: async () => {
            beforeCommit?.()
            beforeCommit = undefined
          },
        },
      )
    })

    afterEach(async () => {
      await store[Symbol.asyncDispose]()
      await link[Symbol.asyncDispose]()
    })

    const write = (text: string): Promise<unknown> => store.commit({ events: [textEvent(agentId, text)] })
    const texts = async (): Promise<readonly unknown[]> =>
      (await store.events.after({ cursor: 0, limit: 100 })).map(event => event.data['text'])

    test('while it is idle: the next read and write do not notice', async () => {
      await write('before')
      await texts()
      link.cut()
      expect(await texts()).toEqual(['before'])
      await home.schema.cutConnections()
      await write('after')
      expect(await texts()).toEqual(['before', 'after'])
    })

    test('before the commit: it is written again, once', async () => {
      beforeCommit = () => link.cut()
      await Promise.all([write('one'), write('two')])
      expect(await texts()).toEqual(['one', 'two'])
    })

    test('when the commit was done but not answered: the server is asked, nothing is written twice', async () => {
      beforeCommit = () => link.loseAnswers()
      await Promise.all([write('one'), write('two')])
      expect(await texts()).toEqual(['one', 'two'])
    })

    test('when nobody answers any more: the connection is given up and the server asked', async () => {
      beforeCommit = () => link.stall()
      await write('one')
      expect(await texts()).toEqual(['one'])
    })
  })

  test('whose connections are cut again and again: what is acknowledged is there once, in order', async () => {
    await using store = await openAt(home.schema.url)
    const acknowledged: string[] = []
    const lost: string[] = []
    const over = new AbortController()
    const lanes = Array.from({ length: 8 }, async (_, lane) => {
      for (let n = 0; !over.signal.aborted; n += 1) {
        const text = `${lane}:${n}`
        const writing = store.commit({ events: [textEvent(agentId, text), textEvent(agentId, text)] })
        await writing.then(
          () => acknowledged.push(text),
          () => lost.push(text),
        )
      }
    })
    for (let cuts = 0; cuts < 15; cuts += 1) {
      const before = acknowledged.length
      await waitUntil(() => acknowledged.length >= before + 20)
      await home.schema.cutConnections()
    }
    over.abort()
    await Promise.all(lanes)
    const events = await store.events.after({ cursor: 0, limit: 100_000 })
    const texts = events.map(event => String(event.data['text']))
    expect(lost).toEqual([])
    expect(texts).toHaveLength(2 * acknowledged.length)
    expect(new Set(texts)).toEqual(new Set(acknowledged))
    for (const lane of Array.from({ length: 8 }, (_, number) => `${number}:`)) {
      const own = texts.filter(text => text.startsWith(lane)).map(text => Number(text.slice(lane.length)))
      expect(own).toEqual(own.toSorted((a, b) => a - b))
    }
  })

  test(
    'of a process that is killed while it commits: every acknowledged row is there, no commit by half',
    { timeout: 120_000 },
    async () => {
      for (let round = 0; round < 4; round += 1) {
        const acknowledged = await killCommitting({ file: home.file, url: home.schema.url, afterAcks: 40 + 60 * round })
        await using store = await home.open()
        const texts = (await store.events.after({ cursor: 0, limit: 100_000 })).map(event => String(event.data['text']))
        const found = new Set(texts)
        expect(acknowledged.length).toBeGreaterThan(0)
        expect(acknowledged.filter(text => !found.has(text))).toEqual([])
        expect(texts).toHaveLength(2 * found.size)
      }
    },
  )

  test('waits for the lock of another session, bounded; its neighbours in the group are written', async () => {
    await using store = await openAt(changed(url => url.searchParams.set('lock_timeout', '200')))
    const agent = await addAgent(store)
    await home.schema.query('begin')
    await home.schema.query('select * from agents for update')
    const [locked, written] = await Promise.allSettled([
      store.commit({ changes: [updateAgent(agent.id, { title: 'never' })] }),
      store.commit({ events: [textEvent(agentId, 'written')] }),
    ])
    await home.schema.query('rollback')
    expect(locked).toMatchObject({ status: 'rejected', reason: { code: 'STORE_LOCKED' } })
    expect(written.status).toBe('fulfilled')
    await store.commit({ changes: [updateAgent(agent.id, { title: 'now' })] })
    expect(await store.agents.byId(agent.id)).toMatchObject({ title: 'now' })
  })

  test('a statement that takes too long fails alone', async () => {
    await using store = await openAt(changed(url => url.searchParams.set('statement_timeout', '200')))
    const [slow, written] = await Promise.allSettled([
      store.commit({ changes: [{ sql: 'select pg_sleep(5)', parameters: [] }] }),
      store.commit({ events: [textEvent(agentId, 'written')] }),
    ])
    expect(slow).toMatchObject({ reason: { code: 'STORE_FAILED', message: expect.stringContaining('timeout') } })
    expect(written.status).toBe('fulfilled')
  })

  test('a COMMIT that is refused rejects its whole group, and it goes on', async () => {
    await using store = await home.open()
    await home.schema.query('alter table turns drop constraint turns_agent_id_fkey')
    await home.schema.query(
      'alter table turns add constraint later foreign key (agent_id) references agents (id) deferrable initially deferred',
    )
    const agent = await addAgent(store)
    const results = await Promise.allSettled([
      store.commit({ events: [textEvent(agentId, 'neighbour')] }),
      store.commit({ changes: [insertTurn(turnRow({ ...agent, id: newAgentId(2) }))] }),
    ])
    expect(results.map(result => result.status)).toEqual(['rejected', 'rejected'])
    await store.commit({ events: [textEvent(agentId, 'after')] })
    expect(await store.events.after({ cursor: 0, limit: 9 })).toMatchObject([{ data: { text: 'after' } }])
  })

  test('a key that Postgres cannot index is refused as too long', async () => {
    await using store = await home.open()
    const agent = await addAgent(store)
    const noise = Array.from({ length: 400 }, () => newTurnId(1)).join('')
    const write = store.commit({ changes: [insertTurn(turnRow(agent, { idempotencyKey: noise }))] })
    expect(await errorOf(write)).toMatchObject({ code: 'STORE_TOO_LARGE', kind: 'invalid' })
  })

  describe('of two nodes', () => {
    test('each has its own numbers, lists and open turns; keys and settings are of both', async () => {
      await using other = await createPostgresHome(home.schema)
      await using a = await home.open()
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
      await using other = await createPostgresHome(home.schema)
      await using a = await home.open()
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

/** Each commit is a pair; a line is printed when it is acknowledged. */
const committing = `
  import { writeSync } from 'node:fs'
  const { openStore } = await import(process.env.STORE)
  const { systemClock, silentLog, newAgentId, Secret } = await import(process.env.KERNEL)
  const { FILE: file, URL: url, ROUND: round } = process.env
  const store = await openStore({ file, url: new Secret(url), clock: systemClock, log: silentLog })
  const agentId = newAgentId(1)
  const lane = async lane => {
    for (let n = 0; ; n += 1) {
      const text = round + lane + ':' + n
      const event = { kind: 'text', data: { item_id: 'item', text }, agentId, turnId: null, threadId: null }
      await store.commit({ events: [event, event] })
      writeSync(1, text + '\\n')
    }
  }
  await Promise.all(['a', 'b', 'c', 'd', 'e'].map(lane))`

async function killCommitting(work: {
  readonly file: string
  readonly url: string
  readonly afterAcks: number
}): Promise<readonly string[]> {
  const env = {
    ...process.env,
    FILE: work.file,
    URL: work.url,
    ROUND: String(work.afterAcks),
    STORE: new URL('./index.ts', import.meta.url).href,
    KERNEL: new URL('../kernel/index.ts', import.meta.url).href,
  }
  const child = spawn(process.execPath, ['--input-type=module', '-e', committing], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const acknowledged: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged.push(line)
    if (acknowledged.length === work.afterAcks) child.kill('SIGKILL')
  }
  await closed
  return acknowledged
}

async function waitUntil(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 1000) throw new Error('it did not come to that within ten seconds')
    await sleep(10)
  }
}

async function nodeOf(opening: Promise<Store>): Promise<string> {
  await using store = await opening
  return store.nodeId
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    async (value: unknown) => {
      if (value !== null && typeof value === 'object' && Symbol.asyncDispose in value)
        await (value as AsyncDisposable)[Symbol.asyncDispose]()
      return 'no error'
    },
    (error: unknown) => error,
  )
}
