import { newAgentId, newTurnId } from '#kernel'
import { describe, expect, test } from 'vitest'
import { postgresUrl } from '../../test/support/postgres-schema.ts'
import { insertTurn, updateAgent } from './index.ts'
import { addAgent, errorOf, postgresForEach, textEvent, turnRow } from './test-arms.ts'

const agentId = newAgentId(1)

describe.skipIf(postgresUrl === undefined)('commits in Postgres that go together', () => {
  const on = postgresForEach()

  test('waits for the lock of another session, bounded; its neighbours in the group are written', async () => {
    await using store = await on.openAt(on.urlWith(url => url.searchParams.set('lock_timeout', '200')))
    const agent = await addAgent(store)
    await on.home.schema.query('begin')
    await on.home.schema.query('select * from agents for update')
    const [locked, written] = await Promise.allSettled([
      store.commit({ changes: [updateAgent(agent.id, { title: 'never' })] }),
      store.commit({ events: [textEvent(agentId, 'written')] }),
    ])
    await on.home.schema.query('rollback')
    expect(locked).toMatchObject({ status: 'rejected', reason: { code: 'STORE_LOCKED' } })
    expect(written.status).toBe('fulfilled')
    await store.commit({ changes: [updateAgent(agent.id, { title: 'now' })] })
    expect(await store.agents.byId(agent.id)).toMatchObject({ title: 'now' })
  })

  test('a statement that takes too long fails alone', async () => {
    await using store = await on.openAt(on.urlWith(url => url.searchParams.set('statement_timeout', '200')))
    const [slow, written] = await Promise.allSettled([
      store.commit({ changes: [{ sql: 'select pg_sleep(5)', parameters: [] }] }),
      store.commit({ events: [textEvent(agentId, 'written')] }),
    ])
    expect(slow).toMatchObject({ reason: { code: 'STORE_FAILED', message: expect.stringContaining('timeout') } })
    expect(written.status).toBe('fulfilled')
  })

  test('a COMMIT that is refused rejects its whole group, and it goes on', async () => {
    await using store = await on.home.open()
    await on.home.schema.query('alter table turns drop constraint turns_agent_id_fkey')
    await on.home.schema.query(
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
    await using store = await on.home.open()
    const agent = await addAgent(store)
    const noise = Array.from({ length: 400 }, () => newTurnId(1)).join('')
    const write = store.commit({ changes: [insertTurn(turnRow(agent, { idempotencyKey: noise }))] })
    expect(await errorOf(write)).toMatchObject({ code: 'STORE_TOO_LARGE', kind: 'invalid' })
  })
})
