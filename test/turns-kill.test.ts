import { describe, expect, it } from 'vitest'
import { sleep } from '#kernel'
import { rule, say, shell } from '#scripted-model'
import { openBench } from '../src/agents/test-harness.ts'
import type { Bench } from '../src/agents/test-harness.ts'

/** A model that always has one more step, until the gate at the end of its patience. */
const steps = 10
const rules = [
  rule(
    'a step',
    { anyText: 'count to ten' },
    ...Array.from({ length: steps }, (_, index) => [shell(`echo ${index} >> log.txt`), { gate: `step ${index}` }]),
    [say('ten')],
  ),
]
const patient = {
  config: { turns: { max_continuations: 50 } },
  host: { limits: { maxCrashes: 1000, firstDelayMs: 10, maxDelayMs: 50 } },
} as const

const plays = (bench: Bench): number => bench.model.requests.filter(request => request.rule === 'a step').length

async function playNumber(bench: Bench, count: number): Promise<void> {
  await bench.model.waitForRequest(() => plays(bench) >= count, { timeoutMs: 60_000 })
}

describe('one turn', { timeout: 300_000 }, () => {
  it('outlives ten deaths of the app-server, and its prompt is in Codex once', async () => {
    await using bench = await openBench(rules, patient)
    const turn = await bench.ask({ prompt: 'count to ten', sandbox: 'workspace-write' })
    for (let step = 0; step < steps; step += 1) {
      await playNumber(bench, step + 1)
      bench.killCodex()
    }
    const answer = await bench.ended(turn)
    expect(answer).toMatchObject({ success: true, agent_messages: 'ten', error: null })
    expect(await bench.startsInCodex({ id: turn.id })).toBe(1)
    const decisions = await bench.decisions(turn)
    expect(decisions).toHaveLength(10)
    expect(decisions.filter(decision => decision !== 'continued' && decision !== 'rerun')).toEqual([])
    expect(await bench.events(turn, 'turn.ended')).toHaveLength(1)
  })

  it('outlives deaths of the daemon at random moments', async () => {
    await using bench = await openBench(rules, patient)
    const turn = await bench.ask({ prompt: 'count to ten', sandbox: 'workspace-write', idempotency_key: 'k' })
    for (let step = 0; step < steps; step += 1) {
      await playNumber(bench, step + 1)
      if (step % 2 === 0) bench.model.release(`step ${step}`)
      // The moment is what is random here: nothing is waited for.
      await sleep(Math.random() * 500)
      await bench.nextLife('abandon')
    }
    expect(await bench.ended(turn)).toMatchObject({ success: true, agent_messages: 'ten', turn_id: turn.id })
    expect((await bench.ask({ prompt: 'count to ten', sandbox: 'workspace-write', idempotency_key: 'k' })).id).toBe(
      turn.id,
    )
    expect(await bench.startsInCodex(turn)).toBeLessThanOrEqual(1)
    expect(await bench.events(turn, 'turn.ended')).toHaveLength(1)
  })

  it('fails as cut, with what it had said, when it may not be continued', async () => {
    await using bench = await openBench(
      [rule('talk', { lastText: 'talk' }, [{ text: 'I was saying', chunks: 2 }, { gate: 'held' }])],
      patient,
    )
    const turn = await bench.ask({ prompt: 'talk', on_cut: 'fail' })
    await bench.event(turn, 'text')
    bench.killCodex()
    const answer = await bench.ended(turn)
    expect(answer).toMatchObject({ success: false, status: 'failed', error: { code: 'TURN_CUT' } })
    expect('I was saying'.startsWith(answer.agent_messages)).toBe(true)
    expect(answer.agent_messages).not.toBe('')
    expect(answer.session_id).not.toBeNull()
  })
})

describe('an app-server that hangs', { timeout: 300_000 }, () => {
  it('is killed, and the turn goes on in the next one', async () => {
    await using bench = await openBench(
      [rule('first', { lastText: 'first' }, [say('one')]), rule('second', { lastText: 'second' }, [say('two')])],
      { ...patient, host: { limits: { ...patient.host.limits, requestTimeoutMs: 1000, slowRequestTimeoutMs: 2000 } } },
    )
    const { session_id: session } = await bench.answer({ prompt: 'first' })
    bench.killCodex('SIGSTOP')
    expect(await bench.answer({ prompt: 'second', session_id: session ?? '' })).toMatchObject({
      success: true,
      agent_messages: 'two',
      session_id: session,
    })
  })

  it('does not hold up a cancel for long, and its turn is not run again', async () => {
    await using bench = await openBench([rule('talk', { lastText: 'talk' }, [say('I '), { gate: 'held' }])], patient)
    const turn = await bench.ask({ prompt: 'talk' })
    await bench.event(turn, 'turn.started')
    bench.killCodex('SIGSTOP')
    const startedAt = performance.now()
    const cancelled = await bench.life.agents.cancel(turn.id, 'ann')
    expect(cancelled).toMatchObject({ status: 'interrupted', cancelledBy: 'ann' })
    expect(performance.now() - startedAt).toBeLessThan(9000)
  })
})
