import { describe, expect, it } from 'vitest'
import { createFakeClock } from '#kernel'
import { DeadlineWatch } from './deadlines.ts'

const limits = { firstEventMs: 60, silenceMs: 300, retryingMs: 120, totalMs: 1000 }

function watched(own: Partial<typeof limits & { spentMs: number }> = {}) {
  const clock = createFakeClock()
  const fired: string[] = []
  const watch = new DeadlineWatch(clock, { ...limits, ...own }, (deadline, afterMs) =>
    fired.push(`${deadline} after ${afterMs}`),
  )
  return { clock, fired, watch }
}

describe('a watched turn', () => {
  it('must show a sign of the model soon', () => {
    const { clock, fired } = watched()
    clock.advance(59)
    expect(fired).toEqual([])
    clock.advance(1)
    expect(fired).toEqual(['first-event after 60'])
  })

  it('may not be silent for long once it has', () => {
    const { clock, fired, watch } = watched()
    clock.advance(50)
    watch.progressed()
    clock.advance(200)
    watch.progressed()
    clock.advance(299)
    expect(fired).toEqual([])
    clock.advance(1)
    expect(fired).toEqual(['silence after 300'])
  })

  it('may not try its upstream for long; trying again and again does not extend it', () => {
    const { clock, fired, watch } = watched()
    clock.advance(10)
    for (let i = 0; i < 12; i += 1) {
      watch.retrying()
      clock.advance(10)
    }
    expect(fired).toEqual(['retrying after 120'])
  })

  it('has its retrying forgotten when the model goes on', () => {
    const { clock, fired, watch } = watched()
    watch.retrying()
    clock.advance(119)
    watch.progressed()
    clock.advance(100)
    watch.retrying()
    clock.advance(119)
    expect(fired).toEqual([])
    clock.advance(1)
    expect(fired).toEqual(['retrying after 120'])
  })

  it('ends in all, however busy it is, and what earlier attempts took counts', () => {
    const busy = watched()
    for (let i = 0; i < 10; i += 1) {
      busy.watch.progressed()
      busy.clock.advance(100)
    }
    expect(busy.fired).toEqual(['total after 1000'])
    const late = watched({ spentMs: 980 })
    late.clock.advance(20)
    expect(late.fired).toEqual(['total after 1000'])
    const over = watched({ spentMs: 5000 })
    over.clock.advance(0)
    expect(over.fired).toEqual(['total after 5000'])
  })

  it('fires once, and never after its end', () => {
    const first = watched()
    first.clock.advance(5000)
    first.watch.progressed()
    first.watch.retrying()
    first.clock.advance(5000)
    expect(first.fired).toEqual(['first-event after 60'])
    const second = watched()
    second.watch[Symbol.dispose]()
    second.watch.progressed()
    second.clock.advance(5000)
    expect(second.fired).toEqual([])
  })
})
