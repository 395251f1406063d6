import { AppError, newAgentId } from '#kernel'
import { describe, expect, test } from 'vitest'
import { insertAgent, insertTurn, putSettings, updateAgent, updateTurn } from './index.ts'
import type { Change } from './index.ts'
import { addAgent, arms, errorOf, storeForEach, textEvent, turnRow } from './test-arms.ts'

describe.each(arms)('the store on $name', arm => {
  const opened = storeForEach(arm)

  test('keeps its node id', async () => {
    const first = opened.store.nodeId
    await opened.reopen()
    expect(first).toMatch(/^node_/)
    expect(opened.store.nodeId).toBe(first)
  })

  describe('settings', () => {
    test('each scope has its own, replaced as a whole', async () => {
      expect(await opened.store.settings.get('global')).toEqual({})
      await opened.store.commit({ changes: [putSettings('global', { effort: 'high', reasoning: true })] })
      await opened.store.commit({ changes: [putSettings('project:/a', { effort: null })] })
      await opened.store.commit({ changes: [putSettings('global', { final_only: false })] })
      await opened.reopen()
      expect(await opened.store.settings.get('global')).toEqual({ final_only: false })
      expect(await opened.store.settings.get('project:/a')).toEqual({ effort: null })
      expect(await opened.store.settings.get('project:/b')).toEqual({})
    })
  })

  describe('a commit', () => {
    test('of nothing is done at once', async () => {
      expect(await opened.store.commit({})).toEqual([])
    })

    test('that fails writes nothing; its neighbours in the group are kept', async () => {
      const agent = await addAgent(opened.store)
      const turn = turnRow(agent, { status: 'completed' })
      await opened.store.commit({ changes: [insertTurn(turn)] })
      const results = await Promise.allSettled([
        opened.store.commit({ changes: [updateAgent(agent.id, { title: 'before' })] }),
        opened.store.commit({
          changes: [
            updateAgent(agent.id, { title: 'never', cwd: '/never' }),
            updateTurn(turn.id, { status: 'running' }, { ifStatus: ['queued'] }),
          ],
          events: [textEvent(agent.id, 'never')],
        }),
        opened.store.commit({ changes: [insertAgent(agent)] }),
        opened.store.commit({ changes: [insertTurn(turnRow({ ...agent, id: newAgentId(1) }))] }),
        opened.store.commit({ events: [textEvent(agent.id, 'after')] }),
      ])
      expect(results.map(result => (result.status === 'rejected' ? codeOf(result.reason) : 'written'))).toEqual([
        'written',
        'TURN_STATE_CHANGED',
        'STORE_DUPLICATE_KEY',
        'STORE_REJECTED',
        'written',
      ])
      expect(await opened.store.agents.byId(agent.id)).toEqual({ ...agent, title: 'before' })
      expect(await opened.store.turns.byId(turn.id)).toEqual(turn)
      expect(await opened.store.events.after({ cursor: 0, limit: 9 })).toMatchObject([{ data: { text: 'after' } }])
    })

    test('of many that fail among many that do not: each gets its own answer, in order', async () => {
      const agent = await addAgent(opened.store)
      const wrong = [
        (): Change => insertAgent(agent),
        (): Change => updateAgent(newAgentId(1), { title: 'nobody' }),
        (): Change => insertTurn(turnRow({ ...agent, id: newAgentId(1) })),
      ]
      const works = Array.from({ length: 400 }, (_, n) => {
        const isWrong = n % 3 === 0 || (n > 200 && n < 230)
        const change = isWrong ? wrong[n % 5] : undefined
        return { n, code: change === undefined ? 'written' : codes[n % 5], change }
      })
      const ended: number[] = []
      const results = await Promise.all(
        works.map(({ n, change }) => {
          const work = opened.store.commit({
            changes: [updateAgent(agent.id, { title: `title ${n}` }), ...(change === undefined ? [] : [change()])],
            events: [textEvent(agent.id, String(n))],
          })
          return work.then(
            () => (ended.push(n), 'written'),
            (error: unknown) => (ended.push(n), codeOf(error)),
          )
        }),
      )
      expect(results).toEqual(works.map(work => work.code))
      const written = works.filter(work => work.code === 'written').map(work => String(work.n))
      const texts = (await opened.store.events.after({ cursor: 0, limit: 1000 })).map(event => event.data['text'])
      expect(texts).toEqual(written)
      expect((await opened.store.agents.byId(agent.id))?.title).toBe(`title ${written.at(-1)}`)
      expect(ended).toHaveLength(400)
    })

    test('with a value that no database takes is refused alone', async () => {
      const agentId = newAgentId(1)
      const bad: Change = { sql: 'select ?', parameters: [() => 1] }
      const [refused, written] = await Promise.allSettled([
        opened.store.commit({ changes: [bad] }),
        opened.store.commit({ events: [textEvent(agentId, 'fine')] }),
      ])
      expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'STORE_REJECTED', kind: 'bug' } })
      expect(written.status).toBe('fulfilled')
    })

    test('accepted before the store is closed is written, a later one is refused', async () => {
      const agentId = newAgentId(1)
      const last = opened.store.commit({ events: [textEvent(agentId, 'last')] })
      const closing = opened.store[Symbol.asyncDispose]()
      const late = opened.store.commit({ events: [textEvent(agentId, 'late')] })
      expect(await errorOf(late)).toMatchObject({ code: 'STORE_CLOSED', kind: 'unavailable' })
      expect(await last).toMatchObject([{ seq: 1 }])
      await closing
      expect(await errorOf(opened.store.events.lastSeq())).toMatchObject({ code: 'STORE_CLOSED' })
      await opened.reopen()
      expect(await opened.store.events.after({ cursor: 0, limit: 9 })).toMatchObject([{ data: { text: 'last' } }])
    })
  })
})

/** Of the wrong changes above, by their place. */
const codes: readonly string[] = ['STORE_DUPLICATE_KEY', 'STORE_MISSING', 'STORE_REJECTED', 'written', 'written']

function codeOf(error: unknown): string {
  return error instanceof AppError ? error.code : String(error)
}
