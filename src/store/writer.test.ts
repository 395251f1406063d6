import { newAgentId } from '#kernel'
import { mkdirSync, rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { insertTurn, updateAgent } from './index.ts'
import type { Change, Store } from './index.ts'
import { addAgent, agentRow, createSqliteHome, textEvent, turnRow } from './test-arms.ts'
import type { SqliteHome } from './test-arms.ts'
import { expectWhole, killCommitting } from './test-killed.ts'

/** At 0 the writer commits, at 1 it waits before its COMMIT, at 2 it dies there, at 3 right after it. */
function createGate(): { readonly cells: Int32Array<SharedArrayBuffer>; set(state: 0 | 1 | 2 | 3): void } {
  const cells = new Int32Array(new SharedArrayBuffer(4))
  return {
    cells,
    set(state) {
      Atomics.store(cells, 0, state)
      Atomics.notify(cells, 0)
    },
  }
}

describe('the writer', () => {
  let home: SqliteHome
  let store: Store
  const gate = createGate()
  const agentId = newAgentId(1)
  const write = (text: string): Promise<unknown> => store.commit({ events: [textEvent(agentId, text)] })
  const texts = async (): Promise<readonly unknown[]> =>
    (await store.events.after({ cursor: 0, limit: 100 })).map(event => event.data['text'])

  beforeEach(async () => {
    gate.set(0)
    home = createSqliteHome()
    store = await home.open({ faults: { gate: gate.cells }, limits: { maxPendingWrites: 4, maxPendingBytes: 10_000 } })
  })

  afterEach(async () => {
    gate.set(0)
    await store[Symbol.asyncDispose]()
    home[Symbol.dispose]()
  })

  test('a slow disk does not stop the event loop, nor reads', async () => {
    const log: unknown[] = []
    gate.set(1)
    const slow = write('slow').then(() => log.push('written'))
    for (let tick = 1; tick <= 3; tick += 1) {
      await new Promise(resolve => setTimeout(resolve, 5))
      log.push(`tick ${tick}`)
    }
    log.push(await texts())
    gate.set(0)
    await slow
    log.push(await texts())
    expect(log).toEqual(['tick 1', 'tick 2', 'tick 3', [], 'written', ['slow']])
  })

  test('what waits while the disk is busy is refused beyond the bounds, and taken again afterwards', async () => {
    gate.set(1)
    const accepted = [write('1'), write('2'), write('3'), write('4')]
    expect(await errorOf(write('5'))).toMatchObject({ code: 'STORE_BUSY', kind: 'busy', data: { pending: 4 } })
    gate.set(0)
    await Promise.all(accepted)
    gate.set(1)
    const large = write('x'.repeat(6000))
    expect(await errorOf(write('y'.repeat(6000)))).toMatchObject({ code: 'STORE_BUSY' })
    expect(await errorOf(write('z'.repeat(12_000)))).toMatchObject({ code: 'STORE_TOO_LARGE', kind: 'invalid' })
    gate.set(0)
    await large
    await write('6')
    expect(await texts()).toEqual(['1', '2', '3', '4', 'x'.repeat(6000), '6'])
  })

  test('what waited goes into one transaction; when its COMMIT fails all of it is rejected, and it goes on', async () => {
    const agent = await addAgent(store)
    gate.set(1)
    const first = write('alone')
    await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
    // With its check put off, a turn of no agent makes the COMMIT itself fail.
    const later: Change = { sql: 'pragma defer_foreign_keys = on', parameters: [] }
    const group = [
      write('neighbour'),
      store.commit({ changes: [later, insertTurn(turnRow(agentRow(store)))] }),
      store.commit({ changes: [updateAgent(agent.id, { title: 'never' })] }),
    ]
    gate.set(0)
    const results = await Promise.allSettled([first, ...group])
    expect(results.map(result => result.status)).toEqual(['fulfilled', 'rejected', 'rejected', 'rejected'])
    expect(await texts()).toEqual(['alone'])
    expect(await store.agents.byId(agent.id)).toEqual(agent)
    await write('after')
    expect(await texts()).toEqual(['alone', 'after'])
  })

  test('a thread that dies rejects what was under way; the next write starts another', async () => {
    await write('before')
    gate.set(1)
    const lost = errorOf(write('lost'))
    await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
    const waiting = write('waiting')
    gate.set(2)
    expect(await lost).toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('nothing of this was written'),
    })
    gate.set(0)
    await waiting.catch(() => write('waiting'))
    expect(await texts()).toEqual(['before', 'waiting'])
  })

  test('a thread that dies right after its COMMIT: the next one finds what it wrote, and what it refused', async () => {
    const told: unknown[] = []
    store.onEvents(events => told.push(...events.map(event => event.data['text'])))
    const nobody = newAgentId(2)
    gate.set(3)
    const group = [
      write('written'),
      store.commit({ events: [textEvent(agentId, 'no')], changes: [updateAgent(nobody, { title: 'no' })] }),
      write('written, too'),
    ]
    const [first, refused, last] = await Promise.allSettled(group)
    gate.set(0)
    expect([first?.status, refused, last?.status]).toMatchObject([
      'fulfilled',
      { status: 'rejected', reason: { code: 'STORE_MISSING' } },
      'fulfilled',
    ])
    await write('after')
    expect(await texts()).toEqual(['written', 'written, too', 'after'])
    expect(told).toEqual(['written', 'written, too', 'after'])
  })

  test('whose next thread cannot look says that it is not known', async () => {
    gate.set(1)
    const lost = errorOf(write('lost'))
    await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
    rmSync(home.file)
    mkdirSync(home.file)
    gate.set(2)
    expect(await lost).toMatchObject({
      code: 'STORE_FAILED',
      message: expect.stringContaining('whether this was written is not known'),
    })
  })
})

describe('kill -9 of a process that commits', () => {
  test('20 times: every acknowledged row is there, no commit is there by half', { timeout: 120_000 }, async () => {
    const lanes = [1, 2].map(async () => {
      for (let round = 0; round < 10; round += 1) {
        using home = createSqliteHome()
        const afterAcks = 1 + Math.floor(Math.random() * 150)
        const acknowledged = await killCommitting({ file: home.file, afterAcks })
        await using store = await home.open()
        expect(acknowledged.length).toBeGreaterThanOrEqual(afterAcks)
        await expectWhole(store, acknowledged)
      }
    })
    await Promise.all(lanes)
  })
})

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => error,
  )
}
