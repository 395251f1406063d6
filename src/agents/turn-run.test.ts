import { describe, expect, it } from 'vitest'
import { openRun } from './test-run.ts'

describe('a turn that is interrupted', () => {
  it.each([
    ['for a pause', { kind: 'pause', reason: 'the daemon stops' }],
    ['for a cancel', { kind: 'cancel', by: 'ann' }],
  ] as const)('%s, types a denied command meanwhile and completes, has failed', async (_, stop) => {
    const { run, codex } = openRun({ denied: [['git', 'push']] })
    const outcome = run.run()
    await codex.started
    run.stop(stop)
    await codex.interrupted
    const place = { threadId: 'thread_1', codexTurnId: 'codex_1' }
    codex.send({ kind: 'command-input', itemId: 'c1', text: 'git push\n', ...place })
    codex.complete()
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
