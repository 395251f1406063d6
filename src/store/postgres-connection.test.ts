import { newAgentId, Secret, silentLog } from '#kernel'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { postgresUrl } from '../../test/support/postgres-schema.ts'
import type { Store } from './index.ts'
import { openPostgresStore } from './open-postgres.ts'
import { postgresForEach, textEvent } from './test-arms.ts'
import { expectWhole, killCommitting } from './test-killed.ts'
import { startLink } from '../../test/support/tcp-link.ts'
import type { Link } from '../../test/support/tcp-link.ts'

const agentId = newAgentId(1)

describe.skipIf(postgresUrl === undefined)('a store in Postgres, and a connection that is lost', () => {
  const on = postgresForEach()

  describe('whose connection is lost', () => {
    let link: Link
    let store: Store
    let beforeCommit: (() => void) | undefined

    beforeEach(async () => {
      link = await startLink(on.urlWith(url => url.searchParams.set('query_timeout', '1000')))
      beforeCommit = undefined
      store = await openPostgresStore(
        { file: on.home.file, url: new Secret(link.url), clock: on.home.clock, log: silentLog },
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
      await on.home.schema.cutConnections()
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
    await using store = await on.openAt(on.home.schema.url)
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
      await expect
        .poll(() => acknowledged.length, { timeout: 10_000, interval: 10 })
        .toBeGreaterThanOrEqual(before + 20)
      await on.home.schema.cutConnections()
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
        const acknowledged = await killCommitting({
          file: on.home.file,
          url: on.home.schema.url,
          mark: String(round),
          afterAcks: 40 + 60 * round,
        })
        await using store = await on.home.open()
        expect(acknowledged.length).toBeGreaterThan(0)
        await expectWhole(store, acknowledged)
      }
    },
  )
})
