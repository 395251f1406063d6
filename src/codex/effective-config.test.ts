import { describe, expect, it } from 'vitest'
import type { z } from 'zod'
import { createConfigReader } from './effective-config.ts'

/** An app-server that answers when it is told to, each time with another model. */
function openReader() {
  const held: ((answer: unknown) => void)[] = []
  const asked: object[] = []
  async function quick<T>(_method: string, schema: z.ZodType<T>, params: object): Promise<T> {
    asked.push(params)
    return schema.parse(await new Promise(resolve => held.push(resolve)))
  }
  return { read: createConfigReader({ quick }), asked, answer: (config: unknown) => held.shift()?.({ config }) }
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
})
