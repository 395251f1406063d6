import { describe, expect, test } from 'vitest'
import type { TurnAnswer } from '#contracts'
import { acceptedEvent, createHarness, settle, turnAnswer, turnId } from './test-harness.ts'
import type { FakeCall, Harness } from './test-harness.ts'
import { hanging, linesOf } from './test-turns.ts'

describe('Ctrl-C', () => {
  const left = `tandem: left, the turn goes on; \`tandem wait ${turnId}\` comes back to it, Ctrl-C again cancels it\n`

  test('once: the turn goes on, the way back is printed, nothing is cancelled', async () => {
    const harness = hanging()
    const run = harness.run('ask', 'x')
    await settle()
    harness.interrupt()
    await settle()
    expect(harness.stderr()).toBe(left)
    harness.clock.advance(2000)
    expect(await run).toBe(130)
    expect(harness.calls.map(({ verb }) => verb)).toEqual(['ask'])
    expect([harness.calls[0]?.options.signal?.aborted, harness.log.at(-1), harness.listeners()]).toEqual([
      true,
      'closed',
      0,
    ])
  })

  test('twice: the turn is cancelled', async () => {
    const harness = hanging()
    const run = harness.run('wait', turnId)
    await settle()
    harness.interrupt()
    await settle()
    harness.interrupt()
    expect(await run).toBe(130)
    expect(harness.stderr()).toBe(`${left}tandem: cancelled ${turnId}\n`)
    expect(harness.calls.map(({ verb, input }) => [verb, (input as { turn_id: string }).turn_id])).toEqual([
      ['wait', turnId],
      ['cancel', turnId],
    ])
  })

  test('with --json both are lines', async () => {
    const harness = hanging()
    const run = harness.run('ask', 'x', '--json')
    await settle()
    harness.interrupt()
    await settle()
    harness.interrupt()
    await run
    expect(linesOf(harness)).toMatchObject([
      { type: 'event', kind: 'turn.accepted' },
      { type: 'detached', turn_id: turnId },
      { type: 'cancelled', turn_id: turnId, answer: { status: 'interrupted' } },
    ])
  })

  test('before the turn is known: the way back follows when it is, or it is said that there is none', async () => {
    let onEvent: FakeCall['options']['onEvent']
    const harness = createHarness({
      answer: ({ options }) => {
        onEvent = options.onEvent
        return new Promise(() => undefined)
      },
    })
    const run = harness.run('ask', 'x')
    await settle()
    harness.interrupt()
    await settle()
    expect(harness.stderr()).toBe('')
    onEvent?.(acceptedEvent)
    await settle()
    expect(harness.stderr()).toBe(left)
    harness.clock.advance(2000)
    expect(await run).toBe(130)

    const never = createHarness({ answer: () => new Promise(() => undefined) })
    const lost = never.run('ask', 'x')
    await settle()
    never.interrupt()
    await settle()
    never.clock.advance(2000)
    expect(await lost).toBe(130)
    expect(never.stderr()).toBe('tandem: left before the turn was accepted; `tandem turns` shows whether it was\n')
  })

  const cancelTwice = async (harness: Harness, ...argv: readonly string[]): Promise<number> => {
    const run = harness.run('wait', turnId, ...argv)
    await settle()
    harness.interrupt()
    await settle()
    harness.interrupt()
    await settle()
    harness.clock.advance(10_000)
    return run
  }
  const failed = {
    success: false,
    status: 'failed',
    error: { code: 'SOME', kind: 'timeout', message: 'silent' },
  } as const
  const unconfirmed = `tandem: asked to cancel ${turnId}, not confirmed yet; \`tandem wait ${turnId}\` shows how it ends\n`

  test.each<[string, () => unknown, number, string, string]>([
    ['completed', () => turnAnswer(), 0, 'The login is checked in auth.ts.\n', ''],
    ['failed', () => turnAnswer(failed), 1, '', 'tandem: silent\n'],
    ['running', () => turnAnswer({ success: false, status: 'running' }), 130, '', unconfirmed],
    ['not answered for', () => new Promise(() => undefined), 130, '', unconfirmed],
  ])('twice, of a turn that is %s then: that is said, not that it was cancelled', async (_name, played, ...said) => {
    const [code, stdout, stderr] = said
    for (const terminal of [undefined, 'both'] as const) {
      const harness = hanging({ environment: { TERM: 'dumb' }, ...(terminal && { terminal }) }, played)
      expect([await cancelTwice(harness), harness.stdout()]).toEqual([code, stdout])
      expect(harness.stderr()).toContain(stderr)
      expect(harness.stderr()).not.toContain('tandem: cancelled')
    }
  })

  test.each<[string, () => unknown, object]>([
    ['completed', () => turnAnswer(), { type: 'answer', status: 'completed' }],
    ['running', () => turnAnswer({ status: 'running' }), { type: 'cancelling', answer: { status: 'running' } }],
    ['not answered for', () => new Promise(() => undefined), { type: 'cancelling', turn_id: turnId, answer: null }],
  ])('with --json, twice, of a turn that is %s then: the last line says so', async (_name, played, last) => {
    const harness = hanging({}, played)
    await cancelTwice(harness, '--json')
    expect(linesOf(harness).at(-1)).toMatchObject(last)
    expect(harness.stderr()).toBe('')
  })

  test('with --json a turn that never became known is a line, too', async () => {
    const harness = createHarness({ answer: () => new Promise(() => undefined) })
    const run = harness.run('ask', 'x', '--json')
    await settle()
    harness.interrupt()
    await settle()
    harness.clock.advance(2000)
    expect(await run).toBe(130)
    expect([linesOf(harness), harness.stderr()]).toEqual([[{ type: 'detached', turn_id: null }], ''])
  })

  test('an answer right after the first one is still shown', async () => {
    const ending = Promise.withResolvers<TurnAnswer>()
    const harness = createHarness({
      answer: ({ options }) => {
        options.onEvent?.(acceptedEvent)
        return ending.promise
      },
    })
    const run = harness.run('ask', 'x')
    await settle()
    harness.interrupt()
    await settle()
    ending.resolve(turnAnswer())
    expect([await run, harness.stdout()]).toEqual([0, 'The login is checked in auth.ts.\n'])
  })
})
