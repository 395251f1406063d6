import type { AppError } from '#kernel'
import { copyFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { migrations } from './migrations.ts'
import type { Migration } from './migrations.ts'
import { addAgent, createSqliteHome, errorOf } from './test-arms.ts'
import type { SqliteHome } from './test-arms.ts'

let home: SqliteHome

beforeEach(() => {
  home = createSqliteHome()
})

afterEach(() => home[Symbol.dispose]())

describe('a migration', () => {
  const addsColumn = (version: number): Migration => ({
    version,
    name: `column ${version}`,
    up: db => db.schema.alterTable('agents').addColumn(`extra_${version}`, 'text').execute(),
  })

  test('comes after a whole copy, for the owner only', async () => {
    const first = await home.open()
    const agent = await addAgent(first)
    await first[Symbol.asyncDispose]()
    await using store = await home.open({ migrations: [...migrations, addsColumn(2), addsColumn(3)] })
    expect(await store.agents.byId(agent.id)).toEqual({ ...agent, extra2: null, extra3: null })
    expect(backups()).toEqual([`tandem.db.before-v2-${stamp()}`])
    const copy = `${dirname(home.file)}/${String(backups()[0])}`
    expect(statSync(copy).mode & 0o777).toBe(0o600)
    copyFileSync(copy, `${home.file}.restored`)
    using restored = new DatabaseSync(`${home.file}.restored`)
    expect(restored.prepare('select id from agents').all()).toEqual([{ id: agent.id }])
    expect(restored.prepare('select max(version) as version from migrations').get()).toEqual({ version: 1 })
  })

  test('removes a copy that a process left half-written, and only that', async () => {
    const known = [...migrations]
    await (await home.open({ migrations: known }))[Symbol.asyncDispose]()
    known.push(addsColumn(2))
    await (await home.open({ migrations: known }))[Symbol.asyncDispose]()
    const [whole] = backups()
    const half = `${home.file}.before-v3-20990101T000000000Z.partial`
    for (const path of [half, `${half}-journal`]) writeFileSync(path, 'half of it')
    home.clock.advance(1000)
    known.push(addsColumn(3))
    await (await home.open({ migrations: known }))[Symbol.asyncDispose]()
    expect(backups()).toEqual([whole, `tandem.db.before-v3-${stamp()}`])
    expect(backups().map(name => statSync(`${dirname(home.file)}/${name}`).mode & 0o777)).toEqual([0o600, 0o600])
  })

  test('leaves the latest three copies', async () => {
    const known = [...migrations]
    await (await home.open({ migrations: known }))[Symbol.asyncDispose]()
    expect(backups()).toEqual([])
    for (const version of [2, 3, 9, 10, 11]) {
      known.push(addsColumn(version))
      home.clock.advance(1000)
      await (await home.open({ migrations: known }))[Symbol.asyncDispose]()
    }
    expect(backups().map(name => name.replace(/-\d+T\d+Z$/, ''))).toEqual([
      'tandem.db.before-v10',
      'tandem.db.before-v11',
      'tandem.db.before-v9',
    ])
  })

  test('that fails leaves the database as it was before it', async () => {
    await (await home.open())[Symbol.asyncDispose]()
    const fails: Migration = {
      version: 3,
      name: 'broken',
      async up(db) {
        await db.schema.createTable('half').addColumn('x', 'text').execute()
        await db.schema.createTable('half').addColumn('x', 'text').execute()
      },
    }
    const error = await errorOf(home.open({ migrations: [...migrations, addsColumn(2), fails] }))
    expect(error).toMatchObject({ code: 'STORE_MIGRATION_FAILED', kind: 'bug', data: { version: 3 } })
    expect((error as AppError).cause).toMatchObject({ code: 'STORE_REJECTED' })
    using database = new DatabaseSync(home.file)
    expect(database.prepare('select version from migrations order by version').all()).toEqual([
      { version: 1 },
      { version: 2 },
    ])
    expect(database.prepare("select name from sqlite_master where name = 'half'").all()).toEqual([])
  })

  test('is done once: the next open changes nothing and copies nothing', async () => {
    const known = [...migrations, addsColumn(2)]
    await (await home.open({ migrations: known }))[Symbol.asyncDispose]()
    await (await home.open({ migrations: known }))[Symbol.asyncDispose]()
    expect(backups()).toEqual([])
  })
})

function backups(): readonly string[] {
  return readdirSync(dirname(home.file))
    .filter(name => name.startsWith(`${basename(home.file)}.before-`))
    .sort()
}

function stamp(): string {
  return new Date(home.clock.now()).toISOString().replace(/[-:.]/g, '')
}
