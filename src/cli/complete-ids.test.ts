import { describe, expect, test } from 'vitest'
import { AppError } from '#kernel'
import { createHarness, sessionId, settle, turnId } from './test-harness.ts'

const turn = (status: string, prompt: string) => ({ turn_id: turnId, status, prompt })

describe('tandem __complete', () => {
  test('turns, newest first, with what they are about in a few plain words', async () => {
    const harness = createHarness({
      answer: () => ({ turns: [turn('running', 'look\t\x1b[31mhere\n'), turn('failed', 'x'.repeat(200))] }),
    })
    expect(await harness.run('__complete', 'turns')).toBe(0)
    expect(harness.stdout()).toBe(
      `${turnId}\trunning: look here\n${turnId}\t${`failed: ${'x'.repeat(200)}`.slice(0, 59)}…\n`,
    )
    expect(harness.log).toEqual(['connect without start', 'turns {"limit":50}', 'closed'])
  })

  test('open turns are those that run or are queued', async () => {
    const harness = createHarness({
      answer: ({ input }) => ({ turns: [turn((input as { status: string }).status, 'x')] }),
    })
    await harness.run('__complete', 'open-turns')
    expect(harness.stdout()).toBe(`${turnId}\trunning: x\n${turnId}\tqueued: x\n`)
  })

  test('sessions have "last", and not those that have no id yet', async () => {
    const threads = [
      { session_id: null, title: 'new' },
      { session_id: sessionId, title: 'the login' },
    ]
    const harness = createHarness({ answer: () => ({ threads }) })
    await harness.run('__complete', 'sessions')
    expect(harness.stdout()).toBe(`last\tthe latest one of this directory\n${sessionId}\tthe login\n`)
  })

  test('a daemon that is not there, or refuses, is no reason to say anything', async () => {
    const harness = createHarness({
      answer: () => {
        throw new AppError('SOCKET_ABSENT', 'unavailable', 'there is none')
      },
    })
    expect(await harness.run('__complete', 'turns')).toBe(0)
    expect([harness.stdout(), harness.stderr()]).toEqual(['', ''])
  })

  test('one that does not answer is left after a second', async () => {
    const harness = createHarness({ answer: () => new Promise(() => undefined) })
    const run = harness.run('__complete', 'turns')
    await settle()
    harness.clock.advance(1000)
    expect([await run, harness.stdout(), harness.calls[0]?.options.signal?.aborted]).toEqual([0, '', true])
  })

  test('is in no list', async () => {
    const harness = createHarness()
    await harness.run('help')
    await harness.run('completion', 'fish')
    expect(harness.stdout()).not.toMatch(/-a '\\'__complete/)
    expect(harness.stdout()).not.toContain('ids for completion')
  })
})
