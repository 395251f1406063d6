import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { AppError } from '#kernel'
import { openRun } from './test-run.ts'
import type { RunOptions } from './test-run.ts'

describe('a turn that is interrupted', () => {
  it.each([
    ['for a pause', { kind: 'pause', reason: 'the daemon stops' }, 'completed'],
    ['for a cancel', { kind: 'cancel', by: 'ann' }, 'completed'],
    ['for a cancel', { kind: 'cancel', by: 'ann' }, 'failed'],
    ['for a cancel', { kind: 'cancel', by: 'ann' }, 'interrupted'],
  ] as const)('%s, types a denied command meanwhile and ends, has failed', async (_, stop, status) => {
    const { run, codex } = openRun({ denied: [['git', 'push']] })
    const outcome = run.run()
    await codex.started
    run.stop(stop)
    await codex.interrupted
    const place = { threadId: 'thread_1', codexTurnId: 'codex_1' }
    codex.send({ kind: 'command-input', itemId: 'c1', text: 'git push\n', ...place })
    codex.complete(status)
    expect(await outcome).toMatchObject({ kind: 'failed', error: { code: 'POLICY_DENIED_COMMAND' } })
  })
})

describe('a turn that is about to be sent', () => {
  it('and is cancelled while commands are being denied for it never is', async () => {
    const [asked, denied] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const denyCommands = (): Promise<void> => {
      asked.resolve()
      return denied.promise
    }
    const { run, done } = openRun({ denied: [['git', 'push']], connection: { denyCommands } })
    const outcome = run.run()
    await asked.promise
    run.stop({ kind: 'cancel', by: 'ann' })
    denied.resolve()
    expect(await outcome).toEqual({ kind: 'interrupted', by: 'ann' })
    expect(done).toEqual(['stored'])
  })
})

describe('a turn for which no file can be opened', () => {
  const full = new AppError('DESCRIPTORS_EXHAUSTED', 'busy', 'as many files open as may be')
  /** Fails so often, then answers. */
  const after = <T>(failures: number, answer: T) => {
    let calls = 0
    return async (): Promise<T> => {
      calls += 1
      if (calls <= failures) throw full
      return answer
    }
  }

  it.each([
    ['its settings', { deps: { settingsOf: after(2, { cwd: '/x', sandbox: 'read-only' }) } }],
    ['the policy', { deps: { grantOf: after(2, { network: false, deniedCommands: [] }) } }],
    ['its model', { deps: { modelOf: after(2, { model: undefined, effort: undefined }) } }],
    ['denied commands', { connection: { denyCommands: after(2, undefined) } }],
  ] satisfies [string, RunOptions][])('waits, when that is for %s', async (_, options) => {
    const { run, codex, clock, done } = openRun(options)
    const outcome = run.run()
    for (let waits = 0; waits < 2; waits += 1) {
      await setImmediate()
      expect(done).not.toContain('turn/start')
      clock.advance(5000)
    }
    await codex.started
    codex.complete()
    expect(await outcome).toEqual({ kind: 'completed' })
  })

  it('does not wait longer than a minute and a half', async () => {
    const { run, clock } = openRun({ deps: { modelOf: after(100, { model: undefined, effort: undefined }) } })
    let isOver = false
    const outcome = run.run().finally(() => (isOver = true))
    for (let waits = 0; waits < 18; waits += 1) {
      await setImmediate()
      expect(isOver).toBe(false)
      clock.advance(5000)
    }
    expect(await outcome).toEqual({ kind: 'failed', error: full })
  })

  it('is paused at once when it is to be', async () => {
    const { run } = openRun({ deps: { modelOf: after(100, { model: undefined, effort: undefined }) } })
    const outcome = run.run()
    await setImmediate()
    run.stop({ kind: 'pause', reason: 'the daemon stops' })
    expect(await outcome).toEqual({ kind: 'paused' })
  })
})
