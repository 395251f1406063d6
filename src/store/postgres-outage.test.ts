import { createFakeClock, newAgentId, Secret, silentLog, sleep } from '#kernel'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { postgresUrl } from '../../test/support/postgres-schema.ts'
import { startLink } from '../../test/support/tcp-link.ts'
import type { Link } from '../../test/support/tcp-link.ts'
import { openPostgresSource } from './copy-postgres.ts'
import type { Store } from './index.ts'
import { openPostgresStore } from './open-postgres.ts'
import { createPostgresHome, textEvent } from './test-arms.ts'
import type { PostgresHome } from './test-arms.ts'

const agentId = newAgentId(1)

describe.skipIf(postgresUrl === undefined)('a Postgres that is away', () => {
  let home: PostgresHome
  let link: Link
  let store: Store
  let clock = createFakeClock()
  /** Texts of the events that listeners were told. */
  let told: unknown[]
  let beforeCommit: (() => void) | undefined

  beforeEach(async () => {
    home = await createPostgresHome()
    link = await startLink(home.schema.url)
    clock = createFakeClock()
    beforeCommit = undefined
    told = []
    store = await openPostgresStore(
      { file: home.file, url: new Secret(link.url), clock, log: silentLog },
      {
        connectTries: 2,
        beforeCommit: async () => {
          beforeCommit?.()
          beforeCommit = undefined
        },
      },
    )
    store.onEvents(events => told.push(...events.map(event => event.data['text'])))
  })

  afterEach(async () => {
    link.refuse('serve')
    await store[Symbol.asyncDispose]()
    await link[Symbol.asyncDispose]()
    await home[Symbol.asyncDispose]()
  })

  const write = (text: string): Promise<unknown> => store.commit({ events: [textEvent(agentId, text)] })
  const texts = async (): Promise<readonly unknown[]> =>
    (await store.events.after({ cursor: 0, limit: 100 })).map(event => event.data['text'])
  const openAgain = (): Promise<Store> => home.open({ connectTries: 1 })

  test('after a COMMIT: its caller is told when it is known, whoever else writes is refused', async () => {
    beforeCommit = () => {
      link.loseAnswers()
      link.refuse('refuse')
    }
    const undecided = stateOf(write('perhaps'))
    await until(() => beforeCommit === undefined)
    expect(await errorOf(write('no'))).toMatchObject({ code: 'STORE_FAILED' })
    const began = performance.now()
    expect(await errorOf(write('no'))).toMatchObject({ code: 'STORE_FAILED', data: { database: expect.any(String) } })
    expect(performance.now() - began).toBeLessThan(100)
    expect([undecided.state, told]).toEqual(['open', []])
    link.refuse('serve')
    await until(() => undecided.state === 'fulfilled')
    await write('again')
    expect([await texts(), told]).toEqual([
      ['perhaps', 'again'],
      ['perhaps', 'again'],
    ])
  })

  test('before a COMMIT arrived: it is written when the server is back, once', async () => {
    beforeCommit = () => {
      link.cut()
      link.refuse('refuse')
    }
    const undecided = stateOf(write('later'))
    await until(() => link.refused >= 3)
    expect(undecided.state).toBe('open')
    link.refuse('serve')
    await until(() => undecided.state === 'fulfilled')
    expect([await texts(), told]).toEqual([['later'], ['later']])
  })

  test('while the store closes: it ends after its one wait, and says that it is not known', async () => {
    beforeCommit = () => {
      link.loseAnswers()
      link.refuse('refuse')
    }
    const undecided = errorOf(write('perhaps'))
    await until(() => beforeCommit === undefined)
    expect(await errorOf(write('no'))).toMatchObject({ code: 'STORE_FAILED' })
    const closed = store[Symbol.asyncDispose]()
    clock.advance(10_000)
    await closed
    expect(await undecided).toMatchObject({ message: expect.stringContaining('whether this was written is not known') })
  })

  test('for a moment: no other daemon of the node gets in, though nobody writes', async () => {
    link.cut()
    await until(async () => (await locksOf(home)) === 0).catch(() => undefined)
    await until(async () => (await locksOf(home)) === 1)
    expect(await errorOf(openAgain())).toMatchObject({ code: 'STORE_LOCKED' })
  })

  test('for this daemon alone: when another one has worked as the node, it writes no more', async () => {
    await write('mine')
    link.refuse('refuse')
    link.cut()
    await until(async () => (await locksOf(home)) === 0)
    const other = await openAgain()
    link.refuse('serve')
    await until(async () => codeOf(await errorOf(write('no'))) === 'STORE_LOCKED')
    // The numbers of what was refused here are not this daemon's.
    await Promise.all(Array.from({ length: 20 }, () => errorOf(write('no'))))
    await other.commit({ events: [textEvent(agentId, 'theirs')] })
    await other[Symbol.asyncDispose]()
    expect(await errorOf(write('no'))).toMatchObject({
      code: 'STORE_LOCKED',
      message: expect.stringContaining('has worked as'),
    })
    expect(new Set(await texts())).toEqual(new Set(['mine', 'theirs']))
  })

  test('and has a newer schema afterwards: it is not written to', async () => {
    await write('before')
    await home.schema.query('update migrations set version = 99')
    await home.schema.cutConnections()
    expect(await errorOf(write('no'))).toMatchObject({ code: 'STORE_NEWER' })
    await home.schema.query('update migrations set version = 1')
    await write('again')
    expect(await texts()).toEqual(['before', 'again'])
  })

  test('which takes connections and says nothing: a read ends in about ten seconds', async () => {
    link.refuse('ignore')
    link.cut()
    const began = performance.now()
    expect(await errorOf(texts())).toMatchObject({ code: 'STORE_FAILED' })
    expect(performance.now() - began).toBeLessThan(12_000)
  })

  test('more reads than may wait are refused at once', async () => {
    link.stall()
    const reads = Array.from({ length: 1100 }, () => errorOf(texts()))
    const first = await Promise.race(reads)
    expect(first).toMatchObject({ code: 'STORE_BUSY', kind: 'busy' })
    await Promise.all(reads)
  })

  test('a copy has no limits for a statement, nor for a pause between two', async () => {
    const url = new URL(home.schema.url)
    for (const name of ['statement_timeout', 'idle_in_transaction_session_timeout']) url.searchParams.set(name, '100')
    await using source = await openPostgresSource(new Secret(url.href))
    await source.run('select pg_sleep(0.3)', [])
    // The pause, as long as the server thinks.
    await home.schema.query('select pg_sleep(0.3)')
    expect(await source.run('select count(*) as n from agents', [])).toEqual([{ n: 0 }])
  })
})

/** Who holds a lock of the schema's nodes. */
async function locksOf(home: PostgresHome): Promise<number> {
  const found = await home.schema.query(
    "select count(*)::int as n from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and application_name = $1",
    [home.schema.name],
  )
  return Number(found[0]?.['n'])
}

function stateOf(work: Promise<unknown>): { readonly state: string } {
  const seen = { state: 'open' }
  work.then(
    () => (seen.state = 'fulfilled'),
    () => (seen.state = 'rejected'),
  )
  return seen
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await holds()); tries += 1) {
    if (tries > 800) throw new Error('it did not come to that within eight seconds')
    await sleep(10)
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : error)

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => error,
  )
}
