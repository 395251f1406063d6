import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { AppError } from '#kernel'
import { rule, say, shell } from '#scripted-model'
import { caller, openBench } from '../src/agents/test-harness.ts'

const held = rule('held', { lastText: 'hold' }, [say('I was '), { gate: 'open' }])
const echo = rule('echo', {}, [say('you said {{lastText}}')])

/** Processes with this text in their command line. */
function processesWith(text: string): readonly string[] {
  return readdirSync('/proc').filter(pid => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').includes(text)
    } catch {
      // It ended meanwhile.
      return false
    }
  })
}

describe('a cancelled turn', { timeout: 60_000 }, () => {
  it('that waits ends at once, and never reaches Codex', async () => {
    await using bench = await openBench([held, echo])
    const first = await bench.ask({ prompt: 'hold' })
    await bench.event(first, 'turn.started')
    const session = (await bench.life.agents.turn(first.id)).threadId ?? ''
    const second = await bench.ask({ prompt: 'never', session_id: session })
    expect(await bench.life.agents.cancel(second.id, 'ann')).toMatchObject({
      status: 'interrupted',
      cancelledBy: 'ann',
      attempts: [],
    })
    expect((await bench.life.agents.turn(first.id)).status).toBe('running')
    await bench.life.agents.cancel(first.id, 'ann')
    expect(bench.model.requests.filter(request => request.lastText === 'never')).toEqual([])
  })

  it('that runs keeps what it had written, and another cancel changes nothing', async () => {
    await using bench = await openBench([held, echo])
    const turn = await bench.ask({ prompt: 'hold' })
    await bench.event(turn, 'text')
    const cancelled = await Promise.all([
      bench.life.agents.cancel(turn.id, 'ann'),
      bench.life.agents.cancel(turn.id, 'ann'),
    ])
    expect(cancelled.map(({ status }) => status)).toEqual(['interrupted', 'interrupted'])
    const answer = await bench.ended(turn)
    expect(answer).toMatchObject({ success: false, status: 'interrupted', error: null })
    expect('I was '.startsWith(answer.agent_messages.slice(0, 6))).toBe(true)
    expect(answer.agent_messages).not.toBe('')
    expect(await bench.life.agents.cancel(turn.id, 'bob')).toMatchObject({ cancelledBy: 'ann' })
    expect(await bench.events(turn, 'turn.ended')).toHaveLength(1)
    const next = await bench.answer({ prompt: 'go on', session_id: answer.session_id ?? '' })
    expect(next).toMatchObject({ success: true, agent_messages: 'you said go on' })
  })

  it('takes its running command with it', async () => {
    const seconds = `10${process.pid % 1000}.5`
    await using bench = await openBench([
      rule('sleep', { lastText: 'sleep', sincePrompt: 0 }, [shell(`sleep ${seconds}`)]),
      echo,
    ])
    const turn = await bench.ask({ prompt: 'sleep', sandbox: 'workspace-write' })
    await bench.event(turn, 'command.started')
    await expect.poll(() => processesWith(`sleep ${seconds}`).length, { timeout: 10_000 }).toBeGreaterThan(0)
    await bench.life.agents.cancel(turn.id, 'ann')
    await expect.poll(() => processesWith(`sleep ${seconds}`), { timeout: 5000 }).toEqual([])
  })

  it('right after its start ends alone: Codex and the turn beside it go on', async () => {
    await using bench = await openBench([held, rule('wait', { lastText: 'wait' }, [{ gate: 'never' }]), echo])
    const beside = await bench.ask({ prompt: 'hold' })
    await bench.event(beside, 'text')
    const before = bench.life.codex.state
    for (let round = 0; round < 8; round += 1) {
      const turn = await bench.ask({ prompt: 'wait' })
      // Codex has answered turn/start then, but may not have begun the turn.
      await bench.event(turn, 'turn.started')
      expect(await bench.life.agents.cancel(turn.id, 'ann')).toMatchObject({ status: 'interrupted' })
    }
    expect(bench.life.codex.state).toEqual(before)
    bench.model.release('open')
    expect(await bench.ended(beside)).toMatchObject({ success: true, agent_messages: 'I was ' })
    expect(await bench.events(beside, 'turn.reconciled')).toEqual([])
  })

  it('stays cancelled when the daemon dies before it ended, sent or not', async () => {
    await using bench = await openBench([held, echo])
    const first = await bench.ask({ prompt: 'hold' })
    await bench.event(first, 'turn.started')
    const session = (await bench.life.agents.turn(first.id)).threadId ?? ''
    const second = await bench.ask({ prompt: 'never', session_id: session })
    // Each cancel is stored, and nothing after it.
    const crashed = bench.life.severed.severAt({ commit: 2, side: 'after' })
    void bench.life.agents.cancel(first.id, 'ann')
    void bench.life.agents.cancel(second.id, 'ann')
    await crashed
    await bench.nextLife('abandon')
    const answers = await Promise.all([bench.ended(first), bench.ended(second)])
    expect(answers.map(({ status }) => status)).toEqual(['interrupted', 'interrupted'])
    expect(bench.model.requests.filter(request => request.lastText === 'never')).toEqual([])
  })

  it('ends although its cancel cannot be stored, and the caller is told', async () => {
    await using bench = await openBench([held, echo])
    const turn = await bench.ask({ prompt: 'hold' })
    await bench.event(turn, 'text')
    const full = new AppError('STORE_FULL', 'unavailable', 'no space left')
    void bench.life.severed.refuseNext('turn.cancelling', full)
    await expect(bench.life.agents.cancel(turn.id, 'ann')).rejects.toBe(full)
    expect(await bench.ended(turn)).toMatchObject({ status: 'interrupted' })
    expect(await bench.life.agents.turn(turn.id)).toMatchObject({ cancelledBy: 'ann' })
  })

  it('is unknown when there is none', async () => {
    await using bench = await openBench([echo])
    await expect(bench.life.agents.cancel('turn_none', 'ann')).rejects.toMatchObject({ code: 'TURN_UNKNOWN' })
  })
})

describe('a steered turn', { timeout: 60_000 }, () => {
  it('takes the message right after its start, too', async () => {
    await using bench = await openBench([
      rule('steered', { anyText: 'leave the tests alone' }, [say('I leave them')]),
      rule('wait', { lastText: 'wait' }, [{ gate: 'never' }]),
    ])
    for (let round = 0; round < 5; round += 1) {
      const turn = await bench.ask({ prompt: 'wait' })
      await bench.event(turn, 'turn.started')
      await bench.life.agents.steer(turn.id, 'leave the tests alone', caller)
      await bench.life.agents.cancel(turn.id, 'ann')
      expect(await bench.events(turn, 'turn.steered')).toHaveLength(1)
    }
  })

  it('passes the message to the model; one that does not run is refused', async () => {
    await using bench = await openBench([
      rule('work', { lastText: 'work', sincePrompt: 0 }, [{ gate: 'open' }, shell('true')]),
      rule('steered', { anyText: 'leave the tests alone' }, [say('I leave them')]),
      echo,
    ])
    const turn = await bench.ask({ prompt: 'work' })
    await bench.event(turn, 'turn.started')
    const waiting = await bench.ask({
      prompt: 'later',
      session_id: (await bench.life.agents.turn(turn.id)).threadId ?? '',
    })
    await bench.model.waitForRequest(request => request.rule === 'work', { timeoutMs: 20_000 })
    await bench.life.agents.steer(turn.id, 'leave the tests alone', caller)
    await expect(bench.life.agents.steer(waiting.id, 'x', caller)).rejects.toMatchObject({ code: 'TURN_NOT_RUNNING' })
    bench.model.release('open')
    expect(await bench.ended(turn)).toMatchObject({ success: true, agent_messages: 'I leave them' })
    expect((await bench.events(turn, 'turn.steered')).map(event => event.data)).toEqual([
      { message: 'leave the tests alone' },
    ])
    await expect(bench.life.agents.steer(turn.id, 'x', caller)).rejects.toMatchObject({ code: 'TURN_NOT_RUNNING' })
    await bench.ended(waiting)
  })
})
