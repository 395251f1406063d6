import { describe, expect, it } from 'vitest'
import { AppError } from '#kernel'
import { rule, say } from '#scripted-model'
import { openBench } from '../src/agents/test-harness.ts'

const held = rule('held', { lastText: 'hold', sincePrompt: 0 }, [say('I was '), { gate: 'open' }, say('there')])
const echo = rule('echo', {}, [say('you said {{lastText}}')])
const refusal = new AppError('STORE_REJECTED', 'bug', 'not this one')

describe('a turn whose outcome the store refuses', { timeout: 60_000 }, () => {
  it('is taken up again, before the next turn of its session', async () => {
    await using bench = await openBench([held, echo])
    const turn = await bench.ask({ prompt: 'hold' })
    await bench.event(turn, 'text')
    const session = (await bench.life.agents.turn(turn.id)).threadId ?? ''
    const behind = await bench.ask({ prompt: 'next', session_id: session })
    const refused = bench.life.severed.refuseNext('turn.ended', refusal)
    bench.model.release('open')
    await refused
    const answers = [await bench.ended(behind), await bench.ended(turn)]
    expect(answers.map(answer => answer.status)).toEqual(['completed', 'completed'])
    const [end] = await bench.events(turn, 'turn.ended')
    const [start] = await bench.events(behind, 'turn.started')
    expect(end?.seq).toBeLessThan(start?.seq ?? 0)
    expect(await bench.decisions(turn)).toEqual(['adopted'])
    expect(await bench.startsInCodex(turn)).toBe(1)
    const records = await bench.events(turn, 'turn.reconciled', 'turn.ended')
    expect(records.map(({ threadId }) => threadId)).toEqual([session, session])
  })

  it('stays cancelled', async () => {
    await using bench = await openBench([held, echo])
    const turn = await bench.ask({ prompt: 'hold' })
    await bench.event(turn, 'text')
    const refused = bench.life.severed.refuseNext('turn.ended', refusal)
    const cancelled = bench.life.agents.cancel(turn.id, 'ann')
    await refused
    expect(await cancelled).toMatchObject({ status: 'interrupted', cancelledBy: 'ann' })
  })
})
