import { describe, expect, it } from 'vitest'
import { systemClock } from '#kernel'
import { watchLoopDelay } from '#ops'
import type { Probe } from '#ops'

const block = (ms: number): void => {
  const until = performance.now() + ms
  while (performance.now() < until);
}

const longestOf = async (part: Probe): Promise<number> => Number((await part.look()).details?.['max_ms'])

/** It measures between two runs of a timer: blocks until one was seen. */
const untilSeen = (part: Probe): Promise<void> =>
  expect
    .poll(
      () => {
        block(600)
        return longestOf(part)
      },
      { timeout: 15_000, interval: 120 },
    )
    .toBeGreaterThan(400)

describe('the delay of the event loop', () => {
  it('is told without the time of its own timer, and degrades', async () => {
    using part = watchLoopDelay({ clock: systemClock, maxMs: 300 })
    expect(await part.look()).toMatchObject({ state: 'healthy', details: { p50_ms: 0, p99_ms: 0, max_ms: 0 } })
    await untilSeen(part)
    expect(await part.look()).toMatchObject({
      state: 'degraded',
      why: expect.stringMatching(/\d+ ms late; 300 are usual at most/),
    })
  })

  it('is forgotten after a minute, and not before half of one', async () => {
    let turn = (): void => undefined
    const ignore = { [Symbol.dispose]: () => undefined }
    const clock = { ...systemClock, after: (_: number, task: () => void) => ((turn = task), ignore) }
    using part = watchLoopDelay({ clock, maxMs: 300 })
    await untilSeen(part)
    turn()
    expect(await longestOf(part)).toBeGreaterThan(400)
    turn()
    expect(await longestOf(part)).toBeLessThan(400)
  })
})
