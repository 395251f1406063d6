import { describe, expect, test } from 'vitest'
import { rule, say, scenario } from '#scripted-model'
import { environmentOf, eventually, hostIn, openPlace, realCodex, startRealCodex, watch } from './harness.ts'
import type { RealCodex } from './harness.ts'
import type { CodexConnection } from './index.ts'
import { begin, commandsWith, gated, isCommand, onPrompt, runs, settingsOf, turnOn, uniqueSleep } from './test-turns.ts'

/* The real program, on a scripted model. */

describe('threads', () => {
  test('one that never ran is lost to the next process', async () => {
    await using codex = await startRealCodex(scenario('lost', []))
    const connection = await codex.connect()
    const { threadId } = await connection.startThread(settingsOf(codex))
    expect(await resumeError(connection, codex, threadId)).toBe('CODEX_THREAD_LOST')
    await codex.host.restart('test')
    const next = await codex.connect()
    expect(next.generation).toBe(connection.generation + 1)
    expect(await resumeError(next, codex, threadId)).toBe('CODEX_THREAD_LOST')
    expect(await resumeError(next, codex, 'not-an-id')).toBe('CODEX_THREAD_LOST')
    await expect(next.readThread(threadId)).rejects.toMatchObject({ code: 'CODEX_THREAD_LOST' })
    await expect(next.startTurn(turnOn(codex, threadId, 'x'))).rejects.toMatchObject({
      code: 'CODEX_THREAD_NOT_LOADED',
    })
  })

  test('one that another process has open is waited for, with a limit', async () => {
    await using codex = await startRealCodex(scenario('held', [rule('any', {}, [say('hi')])]))
    const { seen, threadId } = await begin(codex, 'hello')
    await seen.until('turn-completed')
    await using elsewhere = await openPlace()
    const env = environmentOf(codex.place)
    const limits = { writerWaitMs: 300 }
    await using other = await hostIn(elsewhere, await realCodex(), { env, limits })
    const second = await other.connection({ timeoutMs: 15_000 })
    expect(await resumeError(second, codex, threadId)).toBe('CODEX_THREAD_HELD')
    expect((await second.readThread(threadId)).turns).toHaveLength(1)
    await codex.host[Symbol.asyncDispose]()
    const history = await second.resumeThread(threadId, settingsOf(codex), { maxTurns: 1 })
    expect(history).toMatchObject({
      isComplete: true,
      turns: [{ status: 'completed', clientMessageIds: ['turn_hello'] }],
    })
  })

  test('an archived one is taken out of use, and comes back', async () => {
    await using codex = await startRealCodex(scenario('archive', [rule('any', {}, [say('hi')])]))
    const { connection, seen, threadId } = await begin(codex, 'hello')
    await seen.until('turn-completed')
    await connection.archiveThread(threadId)
    expect(await resumeError(connection, codex, threadId)).toBe('CODEX_THREAD_ARCHIVED')
    await connection.unarchiveThread(threadId)
    expect((await connection.resumeThread(threadId, settingsOf(codex))).turns).toHaveLength(1)
  })

  test('the catalogue of models is known without a network', async () => {
    await using codex = await startRealCodex(scenario('models', []))
    const models = await (await codex.connect()).listModels()
    expect(models.find(model => model.id === 'gpt-5.5')?.efforts).toEqual(['low', 'medium', 'high', 'xhigh'])
    expect(models.filter(model => model.isDefault)).toHaveLength(1)
  })

  const resumeError = (connection: CodexConnection, codex: RealCodex, threadId: string): Promise<unknown> =>
    connection.resumeThread(threadId, settingsOf(codex)).then(
      () => 'resumed',
      (error: unknown) => (error as { readonly code: unknown }).code,
    )
})

describe('after a kill -9 of the app-server', () => {
  test('the connection closes with the reason, and the next one knows the cut turn by our id', async () => {
    const command = uniqueSleep()
    const rules = [
      ...runs('second', command),
      rule('first', { lastText: 'first' }, [say('one')]),
      rule('third', { lastText: 'third' }, [say('three')]),
    ]
    await using codex = await startRealCodex(scenario('killed', rules), { limits: { firstDelayMs: 10 } })
    const { connection, seen, threadId } = await begin(codex, 'first')
    await seen.until('turn-completed')
    await connection.startTurn(turnOn(codex, threadId, 'second'))
    await seen.until('item-started', isCommand)
    await eventually('the command runs', () => commandsWith(command).length > 0)
    // Stopped first, so that it cannot answer before it dies.
    process.kill(connection.pid, 'SIGSTOP')
    const pending = connection.listModels().catch((error: unknown) => error)
    process.kill(connection.pid, 'SIGKILL')
    expect(await connection.closed).toMatchObject({ kind: 'exited', code: null, signal: 'SIGKILL' })
    expect(await pending).toMatchObject({ code: 'CODEX_GONE' })
    await expect(connection.listModels()).rejects.toMatchObject({ code: 'CODEX_GONE' })
    expect(codex.host.state.kind).toBe('backing-off')

    const next = await codex.connect()
    const seenNext = watch(next)
    const history = await next.resumeThread(threadId, settingsOf(codex))
    expect(history.turns.map(turn => [turn.status, turn.clientMessageIds])).toEqual([
      ['completed', ['turn_first']],
      ['interrupted', ['turn_second']],
    ])
    await next.startTurn(turnOn(codex, threadId, 'third'))
    expect(await seenNext.until('turn-completed')).toMatchObject({ status: 'completed' })
    await eventually('the command is gone', () => commandsWith(command).length === 0)
  })

  test('commands outside of the sandbox end with it, those that left their session too', async () => {
    const command = uniqueSleep()
    const rules = runs('run it', `${command} & setsid ${command} & ${command}`)
    await using codex = await startRealCodex(scenario('orphans', rules))
    const { connection, seen } = await begin(codex, 'run it', { sandbox: 'danger-full-access' })
    await seen.until('item-started', isCommand)
    await eventually('the commands run', () => commandsWith(command).length >= 3)
    process.kill(connection.pid, 'SIGKILL')
    expect(await connection.closed).toMatchObject({ kind: 'exited', signal: 'SIGKILL' })
    await eventually('the commands are gone', () => commandsWith(command).length === 0)
  })

  test('a message that reached the model is always in the history', async () => {
    await using codex = await startRealCodex(scenario('durable', [onPrompt('keep me', gated('never'))]), {
      limits: { firstDelayMs: 10, maxCrashes: 100 },
    })
    for (let round = 0; round < 3; round += 1) {
      const before = codex.model.requests.length
      const { connection, threadId } = await begin(codex, 'keep me')
      await codex.model.waitForRequest(request => codex.model.requests.indexOf(request) >= before, {
        timeoutMs: 10_000,
      })
      process.kill(connection.pid, 'SIGKILL')
      await connection.closed
      const history = await (await codex.connect()).resumeThread(threadId, settingsOf(codex))
      expect(history.turns).toMatchObject([{ status: 'interrupted', clientMessageIds: ['turn_keep_me'] }])
    }
  })
})

describe('a stopped process', () => {
  test('counts as hung when a request gets nothing at all, is killed with its commands, and replaced', async () => {
    const command = uniqueSleep()
    await using codex = await startRealCodex(scenario('hung', runs('run it', command)), {
      limits: { requestTimeoutMs: 1000, firstDelayMs: 10 },
    })
    const { connection, seen, threadId, codexTurnId } = await begin(codex, 'run it')
    await seen.until('item-started', isCommand)
    await eventually('the command runs', () => commandsWith(command).length > 0)
    process.kill(connection.pid, 'SIGSTOP')
    const asked = connection.interruptTurn({ threadId, codexTurnId })
    await expect(asked).rejects.toMatchObject({ code: 'CODEX_HUNG', kind: 'timeout' })
    expect(await connection.closed).toMatchObject({ kind: 'hung', method: 'turn/interrupt' })
    await eventually('the command is gone', () => commandsWith(command).length === 0)
    expect((await codex.connect()).generation).toBe(connection.generation + 1)
  })
})
