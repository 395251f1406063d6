import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { applyPatch, callTool, failWith, newFilePatch, rule, say, scenario, shell } from '#scripted-model'
import { eventually, startRealCodex, watch } from './harness.ts'
import { isSignOfModel } from './index.ts'
import { begin, commandsWith, gated, isCommand, onPrompt, runs, settingsOf, turnOn, uniqueSleep } from './test-turns.ts'

/* The real program, on a scripted model. */

describe('a turn', () => {
  test('streams its text, ends, tells what it used and comes back in the history under our id', async () => {
    const rules = [onPrompt('hello', { text: 'good day to you', chunks: 3 })]
    await using codex = await startRealCodex(scenario('turn', rules))
    const { connection, seen, threadId, codexTurnId } = await begin(codex, 'hello')
    expect(await seen.until('turn-completed')).toEqual({
      kind: 'turn-completed',
      threadId,
      codexTurnId,
      status: 'completed',
      error: null,
    })
    const deltas = seen.events.flatMap(event => (event.kind === 'text-delta' ? [event.delta] : []))
    expect([deltas.length > 1, deltas.join('')]).toEqual([true, 'good day to you'])
    const { usage } = await seen.until('token-usage')
    expect(usage.total).toEqual(usage.last)
    expect(usage.last.totalTokens).toBeGreaterThan(0)
    expect(await connection.readThread(threadId)).toMatchObject({
      isComplete: true,
      turns: [
        {
          codexTurnId,
          status: 'completed',
          clientMessageIds: ['turn_hello'],
          items: [
            { kind: 'user-message', text: 'hello' },
            { kind: 'agent-message', text: 'good day to you' },
          ],
        },
      ],
    })
    expect(connection.counts).toMatchObject({ malformedLines: 0, malformedMessages: 0 })
    expect(connection.version).toBe('0.169.0')
  })

  test('shows no sign of the model before the model has answered', async () => {
    const rules = [onPrompt('wait', gated('answer'), { reasoning: 'let me think' }, say('done'))]
    await using codex = await startRealCodex(scenario('signs', rules))
    const { seen } = await begin(codex, 'wait')
    await codex.model.waitForRequest(() => true, { timeoutMs: 10_000 })
    await seen.until('item-completed')
    expect(seen.events.filter(isSignOfModel)).toEqual([])
    codex.model.release('answer')
    await seen.until('turn-completed')
    expect(seen.events.find(isSignOfModel)).toMatchObject({ kind: 'item-started', item: { kind: 'reasoning' } })
    expect(seen.events.flatMap(event => (event.kind === 'reasoning-delta' ? [event.delta] : [])).join('')).toContain(
      'let me',
    )
  })

  test('sends model, effort and schema upstream, and our name as originator', async () => {
    await using codex = await startRealCodex(scenario('upstream', [onPrompt('json', say('{"a":1}'))]), {
      client: { name: 'tandem-test', version: '1.2.3' },
    })
    const connection = await codex.connect()
    using seen = watch(connection)
    const { threadId } = await connection.startThread({ ...settingsOf(codex), developerInstructions: 'be brief' })
    const outputSchema = {
      type: 'object',
      properties: { a: { type: 'number' } },
      required: ['a'],
      additionalProperties: false,
    }
    await connection.startTurn({
      ...turnOn(codex, threadId, 'json'),
      model: 'gpt-5.6-sol',
      effort: 'high',
      outputSchema,
    })
    await seen.until('turn-completed')
    const [request] = codex.model.requests
    expect(request?.headers).toMatchObject({ originator: 'tandem-test' })
    const body = JSON.stringify(request?.body)
    expect(body).toContain('"model":"gpt-5.6-sol"')
    expect(body).toContain('"effort":"high"')
    expect(body).toContain('be brief')
    expect(body).toContain('json_schema')
  })

  test('reports a failing upstream: its retries first, then a typed error', async () => {
    const rules = [onPrompt('fail', failWith(400, 'too long', { code: 'context_length_exceeded' }))]
    await using codex = await startRealCodex(scenario('failing', [...rules, onPrompt('busy', failWith(503, 'down'))]))
    const { connection, seen, threadId } = await begin(codex, 'fail')
    expect(await seen.until('turn-completed')).toMatchObject({ status: 'failed' })
    expect((await seen.until('error')).error.message).not.toBe('')
    const { codexTurnId } = await connection.startTurn(turnOn(codex, threadId, 'busy'))
    expect((await seen.until('retrying')).error).toMatchObject({ httpStatus: 503 })
    await connection.interruptTurn({ threadId, codexTurnId })
    expect(await seen.until('turn-completed', event => event.codexTurnId === codexTurnId)).toMatchObject({
      status: 'interrupted',
    })
  })

  test('tells which files it changed', async () => {
    const patch = newFilePatch('new.txt', ['one', 'two'])
    const rules = [rule('patched', { sincePrompt: 1 }, [say('done')]), onPrompt('patch', applyPatch(patch))]
    await using codex = await startRealCodex(scenario('patch', rules))
    const { seen } = await begin(codex, 'patch', { sandbox: 'workspace-write' })
    await seen.until('turn-completed')
    expect(await seen.until('item-completed', event => event.item.kind === 'file-change')).toMatchObject({
      item: { status: 'completed', changes: [{ change: 'add', path: join(codex.place.work, 'new.txt') }] },
    })
    expect((await seen.until('diff-updated')).diff).toContain('+two')
  })
})

describe('control of a turn', () => {
  test('interrupting it and cleaning up ends the command that it was running', async () => {
    const command = uniqueSleep()
    await using codex = await startRealCodex(scenario('interrupt', runs('run it', command)))
    const { connection, seen, threadId, codexTurnId } = await begin(codex, 'run it')
    await seen.until('item-started', isCommand)
    await eventually('the command runs', () => commandsWith(command).length > 0)
    await connection.interruptTurn({ threadId, codexTurnId })
    expect(await seen.until('turn-completed')).toMatchObject({ status: 'interrupted' })
    expect(commandsWith(command)).not.toEqual([])
    await connection.cleanBackgroundTerminals(threadId)
    await eventually('the command is gone', () => commandsWith(command).length === 0)
    await expect(connection.interruptTurn({ threadId, codexTurnId })).rejects.toMatchObject({
      code: 'CODEX_NO_ACTIVE_TURN',
    })
  })

  test('steering reaches the running turn only, and says so otherwise', async () => {
    const rules = [
      rule('steered', { lastText: 'more' }, [say('with more')]),
      onPrompt('start', shell('true'), gated('go')),
    ]
    await using codex = await startRealCodex(scenario('steer', rules))
    const { connection, seen, threadId, codexTurnId } = await begin(codex, 'start')
    await codex.model.waitForRequest(() => true, { timeoutMs: 10_000 })
    const wrong = { threadId, codexTurnId: '01a1fbae-ae3d-7982-a298-2c79c3235899', text: 'x' }
    await expect(connection.steerTurn(wrong)).rejects.toMatchObject({ code: 'CODEX_WRONG_TURN' })
    await connection.steerTurn({ threadId, codexTurnId, text: 'more', clientMessageId: 'steer_1' })
    codex.model.release('go')
    await seen.until('turn-completed')
    expect((await connection.readThread(threadId)).turns[0]).toMatchObject({
      status: 'completed',
      clientMessageIds: ['turn_start', 'steer_1'],
    })
    const idle = connection.steerTurn({ threadId, codexTurnId, text: 'late' })
    await expect(idle).rejects.toMatchObject({ code: 'CODEX_NO_ACTIVE_TURN' })
    const elsewhere = connection.steerTurn({ ...wrong, threadId: wrong.codexTurnId })
    await expect(elsewhere).rejects.toMatchObject({ code: 'CODEX_THREAD_NOT_LOADED' })
  })

  test('what Codex asks of us is declined with a reason, and the turn goes on', async () => {
    const escalated = { cmd: 'touch out', sandbox_permissions: 'require_escalated', justification: 'please' }
    const rules = [
      rule('answered', { sincePrompt: 1 }, [say('then not')]),
      onPrompt('ask', callTool('exec_command', escalated)),
    ]
    await using codex = await startRealCodex(scenario('asks', rules))
    const { seen, threadId, codexTurnId } = await begin(codex, 'ask', { approvalPolicy: 'on-request' })
    expect(await seen.until('turn-completed')).toMatchObject({ status: 'completed' })
    expect(await seen.until('server-request')).toMatchObject({
      method: 'item/commandExecution/requestApproval',
      threadId,
      codexTurnId,
      reason: expect.stringContaining('switched off') as unknown,
    })
    expect(await seen.until('item-completed', isCommand)).toMatchObject({ item: { status: 'declined' } })
  })
})
