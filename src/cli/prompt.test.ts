import { describe, expect, test } from 'vitest'
import { maxPromptBytes } from '#contracts'
import { createHarness, settle } from './test-harness.ts'
import type { Harness, HarnessOptions } from './test-harness.ts'
import { playing } from './test-turns.ts'

describe('the prompt', () => {
  const prompts = async (argv: readonly string[], stdin: HarnessOptions['stdin']): Promise<unknown> => {
    const harness = createHarness({ answer: playing([]), ...(stdin === undefined ? {} : { stdin }) })
    const code = await harness.run('ask', ...argv)
    return code === 0 ? promptOf(harness) : [code, harness.stderr().split('\n')[0]]
  }

  test('comes from the arguments, from stdin, or from both', async () => {
    const pipe = {
      kind: 'pipe',
      chunks: ['dif', Buffer.from('f ü').subarray(0, 3), Buffer.from('f ü').subarray(3)],
    } as const
    expect([
      await prompts(['a', 'b'], { kind: 'terminal' }),
      await prompts([], pipe),
      await prompts(['review'], pipe),
      await prompts(['review'], { kind: 'pipe', chunks: ['\n'] }),
      await prompts([], { kind: 'other', chunks: ['x'] }),
      await prompts(['review'], { kind: 'other', chunks: ['never read'] }),
    ]).toEqual(['a b', 'diff ü', 'review\n\ndiff ü', 'review', 'x', 'review'])
  })

  test('is read from stdin, whatever that is, where it is a dash', async () => {
    const chunks = ['typed']
    expect([
      await prompts(['-'], { kind: 'pipe', chunks }),
      await prompts(['-'], { kind: 'terminal', chunks }),
      await prompts(['-'], { kind: 'other', chunks }),
      await prompts(['-', 'x'], { kind: 'terminal', chunks }),
    ]).toEqual(['typed', 'typed', 'typed', '- x'])
  })

  test('an empty or too long one is refused, and no more is read than it takes to know', async () => {
    expect(await prompts([], { kind: 'pipe' })).toEqual([2, 'tandem: prompt: the prompt is empty'])
    const chunk = 'x'.repeat(maxPromptBytes / 2)
    const harness = createHarness({ stdin: { kind: 'pipe', chunks: [chunk, chunk, 'y', chunk, chunk] } })
    expect(await harness.run('ask')).toBe(2)
    expect(harness.stderr()).toContain('prompt: the prompt is longer than 1 MiB')
    expect(harness.log).toEqual([`stdin ${chunk.length}`, `stdin ${chunk.length}`, 'stdin 1'])
    expect(await prompts([], { kind: 'pipe', chunks: [chunk, chunk] })).toHaveLength(maxPromptBytes)
  })
})

describe('a pipe that is left open', () => {
  test('is said after a while, when there is a prompt beside it', async () => {
    const end = Promise.withResolvers<void>()
    const harness = createHarness({ answer: playing([]), stdin: { kind: 'pipe', chunks: ['more'], end: end.promise } })
    const run = harness.run('ask', 'x')
    await settle()
    harness.clock.advance(3000)
    expect(harness.stderr()).toBe(
      'tandem: waiting for the end of stdin; close it (`< /dev/null`) if nothing is to come\n',
    )
    end.resolve()
    expect([await run, promptOf(harness)]).toEqual([0, 'x\n\nmore'])
  })
})

const promptOf = (harness: Harness): unknown =>
  (harness.calls[0] as { readonly input: { readonly prompt: string } }).input.prompt
