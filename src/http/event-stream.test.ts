import { expect, it } from 'vitest'
import { createFakeClock, silentLog } from '#kernel'
import { wireEvent } from '../../test/support/fake-daemon.ts'
import { eventStream } from './event-stream.ts'
import type { Clock } from '#kernel'
import type { WireEvent } from '#contracts'

function opened() {
  const time = createFakeClock()
  const timers = new Set<symbol>()
  const clock: Clock = {
    ...time,
    after(ms, task) {
      const id = Symbol('timer')
      const timer = time.after(ms, () => {
        timers.delete(id)
        task()
      })
      timers.add(id)
      return {
        [Symbol.dispose]() {
          timers.delete(id)
          timer[Symbol.dispose]()
        },
      }
    },
  }
  const call = Promise.withResolvers<unknown>()
  const given: { onEvent?: (event: WireEvent) => void; signal?: AbortSignal } = {}
  const cuts: string[] = []
  const response = eventStream({
    run(onEvent, signal) {
      Object.assign(given, { onEvent, signal })
      return call.promise
    },
    maxWaitingBytes: 100,
    cut: () => void cuts.push('cut'),
    clock,
    log: silentLog,
  })
  return { time, timers: () => timers.size, call, given, cuts, response }
}

it('says every 15 seconds that it is still there, until the answer', async () => {
  const { time, timers, call, response } = opened()
  const text = response.text()
  time.advance(14_999)
  time.advance(1)
  time.advance(15_000)
  expect(timers()).toBe(1)
  call.resolve({ ok: 1 })
  expect((await text).split('\n\n')).toEqual([
    'retry: 2000',
    ': still here',
    ': still here',
    'event: answer\ndata: {"ok":1}',
    '',
  ])
  expect(timers()).toBe(0)
})

it('says it no more to a client that left, whose call is detached', async () => {
  const { time, timers, call, given, response } = opened()
  await response.body?.cancel()
  expect([timers(), given.signal?.aborted]).toEqual([0, true])
  time.advance(60_000)
  given.onEvent?.(wireEvent(1))
  call.reject(new Error('too late'))
  await new Promise(resolve => setImmediate(resolve))
  expect(timers()).toBe(0)
})

it('says it no more to one that was cut, even when that was too much for it', () => {
  const { time, timers, given, cuts } = opened()
  time.advance(15_000 * 20)
  expect([cuts, timers(), given.signal?.aborted]).toEqual([['cut'], 0, true])
})
