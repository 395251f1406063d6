import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { createOpenCalls } from './open-calls.ts'

const never = (): Promise<never> => new Promise(() => undefined)

it('keeps nothing of a call that is over: not its answer, not its signal, no listener', async () => {
  const calls = createOpenCalls(10)
  const left = new AbortController()
  const kept: WeakRef<object>[] = []
  for (let at = 0; at < 20; at += 1) {
    await calls.run(left.signal, async signal => {
      // As a verb does that never takes its listener back.
      signal.addEventListener('abort', () => undefined)
      const answer = { text: `answer ${at}` }
      kept.push(new WeakRef(answer), new WeakRef(signal))
      return answer
    })
    await expect(calls.run(left.signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  }
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  await expect
    .poll(() => {
      collect()
      return kept.filter(ref => ref.deref() !== undefined).length
    })
    .toBe(0)
  expect(getEventListeners(left.signal, 'abort')).toEqual([])
  expect(calls.count).toBe(0)
})

it('is closed for those that wait and for those that come after; a call that left before it began knows it', async () => {
  const calls = createOpenCalls(10)
  const signals: AbortSignal[] = []
  const note = (signal: AbortSignal): Promise<never> => {
    signals.push(signal)
    return never()
  }
  const waiting = [calls.run(new AbortController().signal, note), calls.run(AbortSignal.abort(), note)]
  expect(signals.map(signal => signal.aborted)).toEqual([false, true])
  calls.close()
  for (const call of waiting) await expect(call).rejects.toMatchObject({ code: 'DAEMON_STOPPING' })
  expect(signals.map(signal => signal.aborted)).toEqual([true, true])
  await expect(calls.run(new AbortController().signal, note)).rejects.toMatchObject({ code: 'DAEMON_STOPPING' })
  expect([signals.length, calls.count]).toEqual([2, 0])
})
