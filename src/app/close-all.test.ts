import { describe, expect, it } from 'vitest'
import { createFakeClock } from '#kernel'
import { closeAll } from './close-all.ts'
import type { Log, LogFields } from '#kernel'

function harness() {
  const lines: [string, LogFields][] = []
  const note = (fields: LogFields, event: string): void => void lines.push([event, fields])
  const log: Log = { debug: note, info: note, warn: note, error: note }
  return { lines, clock: createFakeClock(), log, maxMs: 10_000 }
}

describe('closeAll', () => {
  it('says nothing of an end in order', async () => {
    const deps = harness()
    expect(await closeAll({ [Symbol.asyncDispose]: async () => undefined }, deps)).toBe(true)
    expect(deps.lines).toEqual([])
  })

  it('writes down what failed', async () => {
    const deps = harness()
    const error = new Error('no')
    expect(await closeAll({ [Symbol.asyncDispose]: () => Promise.reject(error) }, deps)).toBe(false)
    expect(deps.lines).toEqual([['the stop failed', { error }]])
  })

  it('does not wait for ever, and writes that down', async () => {
    const deps = harness()
    const closing = closeAll({ [Symbol.asyncDispose]: () => new Promise<never>(() => undefined) }, deps)
    deps.clock.advance(10_000)
    expect(await closing).toBe(false)
    expect(deps.lines).toEqual([['the stop takes too long: the rest ends with the process', { waitedMs: 10_000 }]])
  })
})
