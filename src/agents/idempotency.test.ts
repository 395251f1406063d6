import { describe, expect, it } from 'vitest'
import { rule, say } from '#scripted-model'
import { caller, openBench } from './test-harness.ts'

const echo = [rule('echo', {}, [say('you said {{lastText}}')])]

describe('an idempotency key', { timeout: 60_000 }, () => {
  it('never runs twice: at the same moment, later, and in the next life', async () => {
    await using bench = await openBench(echo)
    const input = bench.input({ prompt: 'once', idempotency_key: 'k' })
    const accepted = await Promise.all(Array.from({ length: 8 }, () => bench.life.agents.accept(input, caller)))
    const turns = new Set(accepted.map(({ turn }) => turn.id))
    expect(turns.size).toBe(1)
    expect(accepted.filter(({ isNew }) => isNew)).toHaveLength(1)
    const [answer] = await Promise.all(accepted.map(({ turn }) => bench.ended(turn)))
    await bench.nextLife('stop')
    expect(await bench.answer({ prompt: 'once', idempotency_key: 'k', wait_ms: 5 })).toMatchObject({
      turn_id: answer?.turn_id,
      agent_messages: 'you said once',
    })
    expect(bench.model.requests.filter(request => request.rule === 'echo')).toHaveLength(1)
    expect(await bench.life.store.agents.count()).toBe(1)
  })

  it('is a conflict with another input, now and in the next life, and stays good after a refusal', async () => {
    await using bench = await openBench(echo)
    await expect(bench.ask({ idempotency_key: 'k', session_id: 'nope' })).rejects.toMatchObject({
      code: 'SESSION_UNKNOWN',
    })
    const turn = await bench.ask({ prompt: 'one', idempotency_key: 'k' })
    const conflict = { code: 'IDEMPOTENCY_CONFLICT', kind: 'conflict', data: { key: 'k', turn_id: turn.id } }
    await expect(bench.ask({ prompt: 'two', idempotency_key: 'k' })).rejects.toMatchObject(conflict)
    await bench.nextLife('stop')
    await expect(bench.ask({ prompt: 'two', idempotency_key: 'k' })).rejects.toMatchObject(conflict)
    await bench.ended(turn)
  })
})
