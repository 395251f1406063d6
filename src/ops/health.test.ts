import { beforeEach, describe, expect, it } from 'vitest'
import { AppError, createFakeClock } from '#kernel'
import { createHealthRegistry } from '#ops'
import type { Finding, HealthChange, HealthRegistry, Probe } from '#ops'
import type { FakeClock } from '#kernel'

const start = 1_700_000_000_000
let clock: FakeClock
let changes: HealthChange[]
beforeEach(() => {
  clock = createFakeClock(start)
  changes = []
})

const registry = () => createHealthRegistry({ clock, onChange: change => void changes.push(change) })
const well: Finding = { state: 'healthy' }

const probe = (look: Probe['look'], more: Partial<Probe> = {}): Probe => ({
  name: 'disk',
  isVital: false,
  everyMs: 5000,
  maxAgeMs: 1000,
  lateMs: 300,
  look,
  ...more,
})

/** Lets what is resolved already come through. */
const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** Whatever is under way. */
async function reportNow(health: HealthRegistry) {
  const report = health.report(1)
  await settled()
  clock.advance(1)
  return await report
}

describe('the health registry', () => {
  it('tells of each part its state, since when and why', async () => {
    using health = registry()
    const sick: Finding = { state: 'degraded', why: 'too little room', cure: 'make some', details: { free: 3 } }
    health.add(probe(() => well, { name: 'memory' }))
    health.add(probe(() => sick))
    expect(await health.report(100)).toEqual({
      state: 'degraded',
      parts: [
        { part: 'memory', state: 'healthy', since: start, why: null, cure: null, looked_at: start, details: {} },
        {
          part: 'disk',
          state: 'degraded',
          since: start,
          why: 'too little room',
          cure: 'make some',
          looked_at: start,
          details: { free: 3 },
        },
      ],
    })
    expect(changes).toEqual([{ part: 'disk', from: null, to: 'degraded', why: 'too little room' }])
  })

  it.each([
    ['healthy', 'healthy', 'healthy'],
    ['degraded', 'healthy', 'degraded'],
    ['down', 'healthy', 'down'],
    ['healthy', 'degraded', 'degraded'],
    ['healthy', 'down', 'degraded'],
    ['degraded', 'down', 'degraded'],
  ] as const)('a vital part that is %s and another that is %s: all is %s', async (vital, other, all) => {
    using health = registry()
    health.add(probe(() => ({ state: vital }), { name: 'socket', isVital: true }))
    health.add(probe(() => ({ state: other })))
    expect((await health.report(100)).state).toBe(all)
  })

  it('looks by itself, and keeps the time of the last change only', async () => {
    using health = registry()
    let finding = well
    health.add(probe(() => finding))
    await health.report(100)
    finding = { state: 'degraded', why: 'one' }
    clock.advance(5000)
    await settled()
    finding = { state: 'degraded', why: 'two' }
    clock.advance(5000)
    await settled()
    expect((await health.report(100)).parts[0]).toMatchObject({
      why: 'two',
      since: start + 5000,
      looked_at: start + 10_000,
    })
    expect(changes).toEqual([{ part: 'disk', from: 'healthy', to: 'degraded', why: 'one' }])
  })

  it('looks anew for a report when what it knows is too old, and not before', async () => {
    using health = registry()
    let looks = 0
    health.add(probe(() => ((looks += 1), well)))
    await health.report(100)
    clock.advance(1000)
    await health.report(100)
    expect(looks).toBe(1)
    clock.advance(1)
    await health.report(100)
    expect(looks).toBe(2)
  })

  it('looks at once when it is told that something changed', async () => {
    using health = registry()
    let finding = well
    const part = health.add(probe(() => finding))
    await health.report(100)
    finding = { state: 'down', why: 'it crashed' }
    part.look()
    await settled()
    expect(changes).toEqual([{ part: 'disk', from: 'healthy', to: 'down', why: 'it crashed' }])
  })

  it('a look that hangs is reported as such, first degraded, then down, and only one is under way', async () => {
    using health = registry()
    let looks = 0
    const hanging = Promise.withResolvers<Finding>()
    health.add(
      probe(() => ((looks += 1), looks === 1 ? well : hanging.promise), { isVital: true, lateMs: 300, lostMs: 4000 }),
    )
    await health.report(100)
    clock.advance(5000)
    clock.advance(299)
    expect(changes).toEqual([])
    clock.advance(1)
    const late = health.report(1000)
    await settled()
    clock.advance(1000)
    expect(await late).toMatchObject({
      state: 'degraded',
      parts: [{ state: 'degraded', since: start + 5300, looked_at: start, why: 'it has not answered for 300 ms' }],
    })
    clock.advance(60_000)
    expect(looks).toBe(2)
    expect(changes.map(({ to, why }) => [to, why])).toEqual([
      ['degraded', 'it has not answered for 300 ms'],
      ['down', 'it has not answered for 4000 ms'],
    ])
    hanging.resolve(well)
    await settled()
    // It is there again, but this answer took over a minute.
    expect(changes.at(-1)).toMatchObject({ from: 'down', to: 'degraded', why: 'it took 61300 ms to answer' })
    expect((await health.report(1000)).parts[0]?.state).toBe('degraded')
  })

  it('one that is late says what it waits for, as long as it waits', async () => {
    using health = registry()
    const hanging = Promise.withResolvers<Finding>()
    const holder = new AppError('STORE_LOCKED', 'unavailable', 'pid 7 has it', { hint: 'ps -fp 7' })
    const whyLate = async (): Promise<AppError> => holder
    const part = health.add(probe(() => hanging.promise, { lateMs: 300, lostMs: 4000, whyLate }))
    part.look()
    clock.advance(300)
    await settled()
    expect((await reportNow(health)).parts[0]).toMatchObject({
      why: 'it has not answered for 300 ms: pid 7 has it',
      cure: 'ps -fp 7',
      details: { code: 'STORE_LOCKED' },
    })
    hanging.resolve({ state: 'degraded', why: 'it answered' })
    await settled()
    clock.advance(4000)
    await settled()
    expect((await reportNow(health)).parts[0]?.why).toBe('it answered')
  })

  it('what was down stays down while the next look takes long', async () => {
    using health = registry()
    let answer = Promise.withResolvers<Finding>()
    const part = health.add(probe(() => answer.promise, { isVital: true, lateMs: 300 }))
    part.look()
    answer.resolve({ state: 'down', why: 'locked' })
    await settled()
    answer = Promise.withResolvers<Finding>()
    part.look()
    clock.advance(301)
    expect((await reportNow(health)).parts[0]).toMatchObject({ state: 'down', why: 'locked', since: start })
    answer.resolve(well)
    await settled()
    expect(changes.map(({ to }) => to)).toEqual(['down', 'degraded'])
  })

  it('a report waits no longer than it may, also for a first look', async () => {
    using health = registry()
    health.add(probe(() => new Promise<Finding>(() => undefined), { lateMs: 5000 }))
    health.add(probe(() => well, { name: 'memory' }))
    const report = health.report(200)
    await settled()
    clock.advance(200)
    expect((await report).parts).toMatchObject([
      { state: 'degraded', why: 'it was not looked at yet', since: null, looked_at: null },
      { state: 'healthy' },
    ])
  })

  it('a look that fails is a finding: down for a vital part, degraded when it is only busy or not vital', async () => {
    using health = registry()
    const fail = (kind: 'busy' | 'unavailable') => () => {
      throw new AppError('STORE_X', kind, 'no room', { hint: 'make some' })
    }
    health.add(probe(fail('unavailable'), { isVital: true, name: 'a' }))
    health.add(probe(fail('busy'), { isVital: true, name: 'b' }))
    health.add(probe(fail('unavailable'), { name: 'c' }))
    const { state, parts } = await health.report(100)
    expect(state).toBe('down')
    expect(parts.map(part => part.state)).toEqual(['down', 'degraded', 'degraded'])
    expect(parts[0]).toMatchObject({ why: 'no room', cure: 'make some', details: { code: 'STORE_X' } })
  })

  it('after its end it looks no more, and a look that comes late changes nothing', async () => {
    const health = registry()
    const late = Promise.withResolvers<Finding>()
    let looks = 0
    health.add(probe(() => ((looks += 1), late.promise)))
    clock.advance(5000)
    health[Symbol.dispose]()
    late.resolve({ state: 'down', why: 'gone' })
    await settled()
    clock.advance(60_000)
    expect([looks, changes]).toEqual([1, []])
  })
})
