import { asThreadId, newAgentId, newTurnId } from '#kernel'
import { describe, expect, test } from 'vitest'
import { updateAgent } from './index.ts'
import type { StoredEvent } from './index.ts'
import { arms, storeForEach, textEvent } from './test-arms.ts'

describe.each(arms)('events in the store on $name', arm => {
  const opened = storeForEach(arm)

  test('get their seq, time and node, and are read by cursor, turn, agent and kind', async () => {
    const [a, b] = [newAgentId(1), newAgentId(2)]
    const turnId = newTurnId(1)
    opened.home.clock.advance(5)
    const written = await opened.store.commit({
      events: [
        textEvent(a, 'one', { turnId, threadId: asThreadId('thread') }),
        { kind: 'warning', data: { message: 'two' }, agentId: b, turnId: null, threadId: null },
        textEvent(a, 'three', { turnId }),
      ],
    })
    expect(written[0]).toEqual({
      seq: 1,
      at: opened.home.clock.now(),
      nodeId: opened.store.nodeId,
      kind: 'text',
      agentId: a,
      turnId,
      threadId: 'thread',
      data: { item_id: 'item', text: 'one' },
    })
    const [one, two, three] = written
    expect(await opened.store.events.after({ cursor: 0, limit: 10 })).toEqual(written)
    expect(await opened.store.events.after({ cursor: 1, limit: 1 })).toEqual([two])
    expect(await opened.store.events.after({ cursor: 0, turnId, limit: 10 })).toEqual([one, three])
    expect(await opened.store.events.after({ cursor: 1, agentId: a, limit: 10 })).toEqual([three])
    expect(await opened.store.events.after({ cursor: 0, kinds: ['warning', 'unknown'], limit: 10 })).toEqual([two])
    expect(await opened.store.events.after({ cursor: 0, kinds: [], limit: 10 })).toEqual([])
    expect(await opened.store.events.last({ turnId })).toEqual(three)
    // [filter, how many of the latest, after which seq they come]
    for (const [filter, count, cursor] of [
      [{}, 0, 3],
      [{}, 2, 1],
      [{}, 3, 0],
      [{ turnId }, 0, 3],
      [{ turnId }, 1, 1],
      [{ turnId }, 2, 0],
      [{ agentId: a }, 1, 1],
      [{ kinds: ['warning'] }, 0, 2],
      [{ kinds: ['warning'] }, 100_000, 0],
      [{ kinds: [] }, 0, 0],
    ] as const)
      expect([filter, await opened.store.events.cursorBefore({ ...filter, count })]).toEqual([filter, cursor])
    expect(await opened.store.events.last({ turnId: newTurnId(2) })).toBeUndefined()
    expect(await opened.store.events.lastSeq()).toBe(3)
  })

  test('go on counting after a reopen', async () => {
    const agentId = newAgentId(1)
    await opened.store.commit({ events: [textEvent(agentId, 'one')] })
    await opened.reopen()
    expect(await opened.store.commit({ events: [textEvent(agentId, 'two')] })).toMatchObject([{ seq: 2 }])
  })

  test('1,000 commits at once: seq and listeners follow the order of the calls', async () => {
    const agentId = newAgentId(1)
    const heard: StoredEvent[] = []
    const listening = opened.store.onEvents(events => heard.push(...events))
    opened.store.onEvents(() => {
      throw new Error('a listener that fails stops nobody')
    })
    const writes = Array.from({ length: 1000 }, (_, n) =>
      opened.store.commit({ events: [textEvent(agentId, String(n)), textEvent(agentId, 'and')] }),
    )
    const written = (await Promise.all(writes)).flat()
    expect(written.filter(event => event.data['text'] !== 'and').map(event => event.data['text'])).toEqual(
      Array.from({ length: 1000 }, (_, n) => String(n)),
    )
    expect(written.map(event => event.seq)).toEqual(Array.from({ length: 2000 }, (_, n) => n + 1))
    expect(heard).toEqual(written)
    expect(await opened.store.events.after({ cursor: 0, limit: 5000 })).toEqual(written)
    listening[Symbol.dispose]()
    await opened.store.commit({ events: [textEvent(agentId, 'unheard')] })
    expect(heard).toHaveLength(2000)
  })

  test('a listener hears of a commit before the one who wrote it, and not of a failed one', async () => {
    const log: string[] = []
    opened.store.onEvents(events => log.push(...events.map(event => `heard ${String(event.data['text'])}`)))
    const agentId = newAgentId(1)
    await Promise.allSettled([
      opened.store.commit({ events: [textEvent(agentId, 'a')] }).then(() => log.push('wrote a')),
      opened.store.commit({ changes: [updateAgent(agentId, {})], events: [textEvent(agentId, 'b')] }),
      opened.store.commit({ events: [textEvent(agentId, 'c')] }).then(() => log.push('wrote c')),
    ])
    expect(log.toSorted()).toEqual(['heard a', 'heard c', 'wrote a', 'wrote c'])
    expect(log.indexOf('heard a')).toBeLessThan(log.indexOf('wrote a'))
    expect(log.indexOf('heard c')).toBeLessThan(log.indexOf('wrote c'))
  })
})
