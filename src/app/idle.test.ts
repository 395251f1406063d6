import { describe, expect, it } from 'vitest'
import type { VerbCaller } from '#contracts'
import { configSchema } from '#contracts'
import { createFakeClock, silentLog } from '#kernel'
import { watchIdle, watchIdleDaemon } from './idle.ts'
import { createStopRequest } from './stop-request.ts'

const caller = { door: 'socket' } as const
const start = 1_700_000_000_000

function open(idleMs: number) {
  const clock = createFakeClock(start)
  const state = { clients: 0, work: false, ends: 0 }
  const idle = watchIdle({
    clock,
    idleMs,
    hasClients: () => state.clients > 0,
    hasWork: () => state.work,
    onIdle: () => void (state.ends += 1),
  })
  return { clock, state, idle }
}

/** A port whose calls end when they are told to. */
function port() {
  const open: (() => void)[] = []
  const verbs: VerbCaller = { call: () => new Promise(resolve => open.push(() => resolve({} as never))) }
  return { verbs, endAll: () => open.splice(0).forEach(end => end()) }
}

const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

describe('an idle daemon', () => {
  it('ends once, when nobody wanted anything for so long', () => {
    const { clock, state, idle } = open(60_000)
    expect(idle.since()).toBe(start)
    clock.advance(59_999)
    expect(state.ends).toBe(0)
    clock.advance(1001)
    expect(state.ends).toBe(1)
    clock.advance(600_000)
    expect(state.ends).toBe(1)
  })

  it('never ends with 0', () => {
    const { clock, state } = open(0)
    clock.advance(30 * 86_400_000)
    expect(state.ends).toBe(0)
  })

  it.each(['clients', 'work'] as const)('does not end with %s, and begins to count anew after them', what => {
    const { clock, state, idle } = open(10_000)
    const set = (isThere: boolean): void => {
      if (what === 'work') state.work = isThere
      else state.clients = isThere ? 2 : 0
    }
    set(true)
    clock.advance(60_000)
    expect(state.ends).toBe(0)
    set(false)
    clock.advance(9000)
    expect([state.ends, idle.since()]).toEqual([0, start + 60_000])
    clock.advance(2000)
    expect(state.ends).toBe(1)
  })

  it('does not end in a call, however long, and a short one between two looks counts', async () => {
    const { clock, state, idle } = open(10_000)
    const { verbs, endAll } = port()
    const counted = idle.counting(verbs)
    const long = counted.call('events', { follow: true }, { caller })
    clock.advance(60_000)
    expect([state.ends, idle.since()]).toEqual([0, null])
    endAll()
    await long
    clock.advance(8100)
    const short = counted.call('threads', {}, { caller })
    endAll()
    await short
    expect(idle.since()).toBe(start + 68_100)
    clock.advance(9500)
    expect(state.ends).toBe(0)
    clock.advance(1500)
    expect(state.ends).toBe(1)
  })

  it('a call that fails is over, too', async () => {
    const { clock, state, idle } = open(1000)
    const counted = idle.counting({ call: () => Promise.reject(new Error('no')) })
    await expect(counted.call('threads', {}, { caller })).rejects.toThrow('no')
    clock.advance(2000)
    expect(state.ends).toBe(1)
  })

  it('who asks only how it is does not keep it awake', async () => {
    const { clock, state, idle } = open(20_000)
    const { verbs, endAll } = port()
    const counted = idle.counting(verbs)
    for (let i = 0; i < 10; i += 1) {
      void counted.call('health', {}, { caller })
      clock.advance(2000)
      endAll()
      await settled()
    }
    clock.advance(1000)
    expect(state.ends).toBe(1)
  })

  it('its own look at the socket is no client, and hides none', () => {
    const { clock, state, idle } = open(5000)
    state.clients = 1
    clock.advance(1000)
    state.clients = 0
    for (let i = 0; i < 20; i += 1) {
      const own = idle.ownConnection()
      state.clients = 1
      clock.advance(1300)
      own[Symbol.dispose]()
      clock.advance(200)
      state.clients = 0
      clock.advance(500)
      if (state.ends > 0) break
    }
    expect(state.ends).toBe(1)
  })

  it('waits for whoever had it started, also when it may be idle for less', () => {
    const { clock, state } = open(300)
    clock.advance(9900)
    expect(state.ends).toBe(0)
    state.clients = 1
    clock.advance(200)
    state.clients = 0
    clock.advance(500)
    expect(state.ends).toBe(1)
  })

  it('does not look after its end', () => {
    const { clock, state, idle } = open(1000)
    idle[Symbol.dispose]()
    clock.advance(60_000)
    expect(state.ends).toBe(0)
  })
})

describe('the idle daemon', () => {
  it.each([
    ['connections, and calls that only look, do not', { clients: 9, calls: 2, sessions: 0 }, true],
    ['an MCP session that is in use does', { clients: 1, calls: 0, sessions: 1 }, false],
  ])('whom HTTP keeps awake: %s', async (_, http, isEnded) => {
    const clock = createFakeClock(start)
    const stop = createStopRequest()
    const config = configSchema.parse({ daemon: { idle_shutdown_ms: 60_000 } })
    const late = { http: { state: () => ({ kind: 'serving', url: 'http://127.0.0.1:1', ...http }) as const } }
    using _idle = watchIdleDaemon({ config, clock, log: silentLog, stop, late })
    clock.advance(120_000)
    expect(stop.isStopping).toBe(isEnded)
  })
})
