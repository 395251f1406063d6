import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AppError } from '#kernel'
import { failWith, rule, say, shell } from '#scripted-model'
import type { TurnRow } from '#store'
import { caller, openBench } from './test-harness.ts'

describe('a turn', { timeout: 60_000 }, () => {
  it('is answered, and the session goes on', async () => {
    await using bench = await openBench([
      rule('first', { lastText: 'hello' }, [say('good day')]),
      rule('second', { lastText: 'again' }, [say('as I said: good day')]),
    ])
    const { agents } = bench.life
    const first = await agents.accept(bench.input({ prompt: 'hello' }), caller)
    const answer = await agents.answer(await agents.wait(first.turn.id, { timeoutMs: 30_000 }))
    expect(answer).toMatchObject({
      success: true,
      status: 'completed',
      agent_messages: 'good day',
      session_restarted: false,
      diff: null,
      proposed_diff: null,
      error: null,
    })
    expect(answer.usage?.total_tokens).toBeGreaterThan(0)
    const second = await agents.accept(bench.input({ prompt: 'again', session_id: answer.session_id ?? '' }), caller)
    const next = await agents.answer(await agents.wait(second.turn.id, { timeoutMs: 30_000 }))
    expect(next).toMatchObject({ success: true, session_id: answer.session_id, agent_messages: 'as I said: good day' })
  })

  it('reports what it changed, also what was written past apply_patch', async () => {
    await using bench = await openBench([
      rule('write', { lastText: 'write', sincePrompt: 0 }, [shell('echo one > made.txt')]),
      rule('done', { lastText: 'write' }, [say('written')]),
    ])
    writeFileSync(join(bench.project, 'mine.txt'), 'untouched\n')
    const { agents } = bench.life
    const { turn } = await agents.accept(bench.input({ prompt: 'write', sandbox: 'workspace-write' }), caller)
    const answer = await agents.answer(await agents.wait(turn.id, { timeoutMs: 30_000 }), { allMessages: true })
    expect(answer).toMatchObject({ success: true, agent_messages: 'written' })
    expect(answer.diff).toContain('+++ b/made.txt\n@@ -0,0 +1 @@\n+one\n')
    expect(answer.diff).not.toContain('mine.txt')
    expect(answer.all_messages?.map(message => message.kind)).toEqual(['command', 'message'])
  })

  it('that was cancelled in the moment before it is sent never is', async () => {
    const accepted = Promise.withResolvers<Pick<TurnRow, 'id'>>()
    let looks = 0
    await using bench = await openBench([rule('any', {}, [say('too late')])], {
      async policy() {
        looks += 1
        // The second look is the last thing that is asked before the turn is marked as sent.
        if (looks === 2) await cancelStored(await accepted.promise)
        return {}
      },
    })
    async function cancelStored(turn: Pick<TurnRow, 'id'>): Promise<void> {
      void bench.life.agents.cancel(turn.id, 'ann')
      await bench.event(turn, 'turn.cancelling')
    }
    const turn = await bench.ask({ prompt: 'hello' })
    accepted.resolve(turn)
    expect(await bench.ended(turn)).toMatchObject({ status: 'interrupted', error: null })
    expect(await bench.events(turn, 'turn.started', 'turn.ended')).toMatchObject([{ kind: 'turn.ended' }])
    expect(bench.model.requests.filter(request => request.lastText === 'hello')).toEqual([])
  })

  it('whose effort is refused at once, by a catalogue that is known, has ended once and kept its session', async () => {
    await using bench = await openBench([rule('any', {}, [say('good day')])])
    await bench.answer({ prompt: 'hello' })
    const turn = await bench.ask({ prompt: 'think hard', model: 'gpt-5.5', effort: 'ultra' })
    const refused = { success: false, session_restarted: false, error: { code: 'EFFORT_UNSUPPORTED' } }
    expect(await bench.ended(turn)).toMatchObject(refused)
    const kinds = (await bench.events(turn)).map(event => event.kind)
    expect(kinds).toEqual(['turn.accepted', 'session.created', 'turn.ended'])
  })

  it('ends with a coded error when the upstream refuses', async () => {
    await using bench = await openBench([
      rule('no', { lastText: 'hello' }, [failWith(400, 'not today', { code: 'invalid_prompt' })]),
    ])
    const { agents } = bench.life
    const { turn } = await agents.accept(bench.input({}), caller)
    const answer = await agents.answer(await agents.wait(turn.id, { timeoutMs: 30_000 }))
    expect(answer).toMatchObject({
      success: false,
      status: 'failed',
      error: { code: 'CODEX_TURN_FAILED', message: 'not today' },
    })
    expect(answer.session_id).not.toBeNull()
  })
})

describe('after a crash', { timeout: 60_000 }, () => {
  it('of the app-server the turn is continued once, with the reason as an event', async () => {
    await using bench = await openBench([
      rule('hold', { lastText: 'tidy the attic', sincePrompt: 0 }, [say('begun '), { gate: 'held' }]),
      rule('go on', { lastText: 'cut off by a crash' }, [say('finished')]),
    ])
    const { agents, codex } = bench.life
    const { turn } = await agents.accept(bench.input({ prompt: 'tidy the attic' }), caller)
    await bench.model.waitForRequest(request => request.rule === 'hold', { timeoutMs: 20_000 })
    if (codex.state.kind !== 'ready') throw new Error('codex is not running')
    process.kill(codex.state.pid, 'SIGKILL')
    const answer = await agents.answer(await agents.wait(turn.id, { timeoutMs: 30_000 }))
    expect(answer).toMatchObject({ success: true, agent_messages: 'finished' })
    const decisions = await bench.life.store.events.after({
      cursor: 0,
      turnId: turn.id,
      kinds: ['turn.reconciled'],
      limit: 9,
    })
    expect(decisions.map(event => event.data['decision'])).toEqual(['continued'])
  })
})

describe('a store that is away for a moment', { timeout: 60_000 }, () => {
  const away = new AppError('STORE_FAILED', 'unavailable', 'not there')

  it('is no reason for a turn to fail before it was sent', async () => {
    await using bench = await openBench([rule('any', {}, [say('good day')])])
    bench.life.severed.refuseReadAfter('turn.accepted', away)
    expect(await bench.answer({ prompt: 'hello' })).toMatchObject({ success: true, agent_messages: 'good day' })
  })

  it('and has stored the end of a turn without saying so leaves no snapshot behind', async () => {
    await using bench = await openBench([rule('any', {}, [{ gate: 'begun' }, say('good day')])])
    const trees = () => readdirSync(join(bench.folder, 'state', 'trees'))
    bench.life.severed.loseAnswer('turn.ended', away)
    const turn = await bench.ask({ prompt: 'hello', sandbox: 'workspace-write' })
    await bench.event(turn, 'turn.started')
    expect(trees()).toEqual([turn.id])
    bench.model.release('begun')
    expect(await bench.ended(turn)).toMatchObject({ success: true, agent_messages: 'good day' })
    await expect.poll(trees, { timeout: 10_000 }).toEqual([])
    expect(await bench.events(turn, 'turn.ended')).toHaveLength(1)
  })

  it('is no reason to look for the end of a turn in Codex', async () => {
    await using bench = await openBench([rule('any', {}, [{ gate: 'begun' }, say('good day')])])
    // Nothing is read for this but by the turn itself.
    const [begun, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    using _listening = bench.life.store.onEvents(events => {
      if (events.some(event => event.kind === 'turn.started')) begun.resolve()
      if (events.some(event => event.kind === 'turn.ended')) over.resolve()
    })
    bench.life.severed.refuseReadAfter('turn.started', away)
    const turn = await bench.ask({ prompt: 'hello' })
    await begun.promise
    bench.model.release('begun')
    await over.promise
    expect(await bench.ended(turn)).toMatchObject({ success: true, agent_messages: 'good day' })
    expect(await bench.decisions(turn)).toEqual([])
  })
})
