import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { AppError, createFakeClock, newTurnId, silentLog } from '#kernel'
import { createTurnStore } from './turn-store.ts'

const turnId = newTurnId(1)
const away = new AppError('STORE_FAILED', 'unavailable', 'not there')

/** A store whose reads of a turn fail as told, one after the other, and then find none. */
function openFailing(...failures: readonly Error[]) {
  const clock = createFakeClock()
  const pausing = new AbortController()
  let reads = 0
  const store = createTurnStore(
    {
      commit: async () => [],
      agents: { byId: async () => undefined },
      turns: {
        async byId() {
          reads += 1
          const failure = failures[reads - 1]
          if (failure !== undefined) throw failure
          return undefined
        },
        list: async () => [],
      },
      events: { after: async () => [] },
    },
    { clock, log: silentLog, patienceMs: 1000, pausing: pausing.signal },
  )
  return { clock, pausing, reads: () => reads, read: () => store.turns.byId(turnId) }
}

describe('a read of a turn that runs', () => {
  it('waits for a store that is away, or busy', async () => {
    const failing = openFailing(away, new AppError('STORE_BUSY', 'busy', 'too much'))
    expect(await failing.read()).toBeUndefined()
    expect(failing.reads()).toBe(3)
  })

  it('waits no longer than its turn may take', async () => {
    const failing = openFailing(away)
    const read = failing.read()
    failing.clock.advance(1000)
    await expect(read).rejects.toBe(away)
    expect(failing.reads()).toBe(1)
  })

  it('is tried once more when its turn is to pause, and then waits no longer', async () => {
    const failing = openFailing(...Array.from({ length: 100 }, () => away))
    const read = failing.read()
    // It waits.
    await setImmediate()
    failing.pausing.abort()
    await expect(read).rejects.toBe(away)
    expect(failing.reads()).toBe(2)
  })

  it.each([
    ['is closed', new AppError('STORE_CLOSED', 'unavailable', 'closed')],
    ['does not take the question', new AppError('STORE_REJECTED', 'bug', 'wrong')],
    ['fails by a mistake in the program', new TypeError('no such thing')],
  ])('does not wait for one that %s', async (_, failure) => {
    const failing = openFailing(failure)
    await expect(failing.read()).rejects.toBe(failure)
    expect(failing.reads()).toBe(1)
  })
})
