import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { createFakeClock } from '#kernel'
import { createConfigReader } from './effective-config.ts'

/** An app-server that answers when it is told to, each time with another model. */
function openReader() {
  const held: ((answer: unknown) => void)[] = []
  const asked: object[] = []
  async function quick<T>(_method: string, schema: z.ZodType<T>, params: object): Promise<T> {
    asked.push(params)
    return schema.parse(await new Promise(resolve => held.push(resolve)))
  }
  const clock = createFakeClock()
  const reader = createConfigReader({ quick }, clock)
  return { ...reader, clock, asked, answer: (config: unknown) => held.shift()?.({ config }) }
}

describe('what Codex would load in a directory', () => {
  it('is asked once for all that want it at the same moment, and anew for the next', async () => {
    const { read, asked, answer } = openReader()
    const both = Promise.all([read('/a'), read('/a')])
    const other = read('/b')
    expect(asked).toEqual([{ cwd: '/a' }, { cwd: '/b' }])
    answer({ model: 'one' })
    answer({ model: 'two' })
    expect(await both).toMatchObject([{ model: 'one' }, { model: 'one' }])
    expect(await other).toMatchObject({ model: 'two' })
    const later = read('/a')
    answer({ model: 'three' })
    expect(await later).toMatchObject({ model: 'three' })
  })

  it('fails for all that share the question, and is asked again', async () => {
    const { read, answer } = openReader()
    const both = Promise.allSettled([read('/a'), read('/a')])
    answer({ mcp_servers: 'not a table' })
    expect((await both).map(each => each.status)).toEqual(['rejected', 'rejected'])
    const again = read('/a')
    answer({})
    expect(await again).toEqual({})
  })

  it('is there already when it was asked ahead, for one thread and for a moment', async () => {
    const { read, ahead, clock, asked, answer } = openReader()
    ahead('/a')
    ahead('/a')
    expect(asked).toHaveLength(1)
    answer({ model: 'one' })
    await expect(read('/a')).resolves.toMatchObject({ model: 'one' })
    const next = read('/a')
    answer({ model: 'two' })
    expect(await next).toMatchObject({ model: 'two' })
    ahead('/a')
    answer({ model: 'three' })
    await new Promise(setImmediate)
    clock.advance(1000)
    const late = read('/a')
    answer({ model: 'four' })
    expect(await late).toMatchObject({ model: 'four' })
  })

  it('asked ahead is never older than the latest time that it was', async () => {
    const { read, ahead, answer } = openReader()
    ahead('/a')
    answer({ model: 'old' })
    await new Promise(setImmediate)
    ahead('/a')
    answer({ model: 'new' })
    expect(await read('/a')).toMatchObject({ model: 'new' })
  })

  it('asked ahead in vain is asked again by whoever needs it', async () => {
    const { read, ahead, answer } = openReader()
    ahead('/a')
    answer({ mcp_servers: 'not a table' })
    await new Promise(setImmediate)
    const again = read('/a')
    answer({ model: 'one' })
    expect(await again).toMatchObject({ model: 'one' })
  })
})
