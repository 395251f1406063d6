import { AppError, asThreadId, newAgentId } from '#kernel'
import { describe, expect, test } from 'vitest'
import { insertThread, markThreadLost, updateAgent } from './index.ts'
import { addAgent, arms, errorOf, storeForEach, threadRow } from './test-arms.ts'

describe.each(arms)('agents in the store on $name', arm => {
  const opened = storeForEach(arm)

  test('come back as they were, after a reopen, too', async () => {
    const agent = await addAgent(opened.store, { claudeSessionId: 'claude', title: 'ein Titel — 題 \u{1f600}' })
    expect(await opened.store.agents.byId(agent.id)).toEqual(agent)
    await opened.reopen()
    expect(await opened.store.agents.byId(agent.id)).toEqual(agent)
    expect(await opened.store.agents.byId(newAgentId(1))).toBeUndefined()
    expect(await opened.store.agents.count()).toBe(1)
  })

  test('are changed in part, and a missing one is an error', async () => {
    const agent = await addAgent(opened.store)
    await opened.store.commit({ changes: [updateAgent(agent.id, { status: 'archived', lastActiveAt: 5 })] })
    await opened.store.commit({ changes: [updateAgent(agent.id, {})] })
    expect(await opened.store.agents.byId(agent.id)).toEqual({ ...agent, status: 'archived', lastActiveAt: 5 })
    const missing = opened.store.commit({ changes: [updateAgent(newAgentId(1), { title: 'x' })] })
    expect(await errorOf(missing)).toMatchObject({ code: 'STORE_MISSING', kind: 'missing' })
  })

  test('are found by a thread that they have and by one that they lost', async () => {
    const agent = await addAgent(opened.store)
    await addAgent(opened.store)
    await opened.store.commit({ changes: [insertThread(threadRow(agent, 'old'))] })
    await opened.store.commit({
      changes: [
        markThreadLost(asThreadId('old'), 7),
        insertThread(threadRow(agent, 'new')),
        updateAgent(agent.id, { threadId: asThreadId('new') }),
      ],
    })
    const now = { ...agent, threadId: 'new' }
    expect(await opened.store.agents.byThread(asThreadId('old'))).toEqual(now)
    expect(await opened.store.agents.byThread(asThreadId('new'))).toEqual(now)
    expect(await opened.store.agents.byThread(asThreadId('other'))).toBeUndefined()
    const missing = opened.store.commit({ changes: [markThreadLost(asThreadId('other'), 7)] })
    expect(await errorOf(missing)).toMatchObject({ code: 'STORE_MISSING' })
  })

  test('latest: open, of the directory, of the Claude session when given', async () => {
    const mine = await addAgent(opened.store, { lastActiveAt: 10, claudeSessionId: 'mine' })
    const other = await addAgent(opened.store, { lastActiveAt: 20, claudeSessionId: 'other' })
    await addAgent(opened.store, { lastActiveAt: 30, claudeSessionId: 'mine', status: 'archived' })
    await addAgent(opened.store, { lastActiveAt: 40, claudeSessionId: 'mine', cwd: '/elsewhere' })
    expect(await opened.store.agents.latest({ cwd: '/project' })).toEqual(other)
    expect(await opened.store.agents.latest({ cwd: '/project', claudeSessionId: 'mine' })).toEqual(mine)
    expect(await opened.store.agents.latest({ cwd: '/project', claudeSessionId: 'none' })).toBeUndefined()
    expect(await opened.store.agents.latest({ cwd: '/nowhere' })).toBeUndefined()
  })

  test('an update that wants an open agent is refused for an archived one', async () => {
    const archived = await addAgent(opened.store, { status: 'archived' })
    const refused = new AppError('SESSION_ARCHIVED', 'conflict', 'archived')
    const update = opened.store.commit({
      changes: [updateAgent(archived.id, { lastActiveAt: 99 }, { ifOpen: () => refused })],
    })
    await expect(update).rejects.toBe(refused)
    expect(await opened.store.agents.byId(archived.id)).toEqual(archived)
  })

  test('list: last active first; archived ones when asked for', async () => {
    const first = await addAgent(opened.store, { lastActiveAt: 10 })
    const second = await addAgent(opened.store, { lastActiveAt: 20, cwd: '/elsewhere' })
    const archived = await addAgent(opened.store, { lastActiveAt: 30, status: 'archived' })
    expect(await opened.store.agents.list({ limit: 10 })).toEqual([second, first])
    expect(await opened.store.agents.list({ limit: 1 })).toEqual([second])
    expect(await opened.store.agents.list({ cwd: '/project', withArchived: true, limit: 10 })).toEqual([
      archived,
      first,
    ])
  })
})
