import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { asTurnId } from '#kernel'
import type { AppError } from '#kernel'
import { rule, say } from '#scripted-model'
import { caller, openBench } from '../src/agents/test-harness.ts'
import type { BenchOptions } from '../src/agents/test-harness.ts'

const held = rule('held', { lastText: 'hold', sincePrompt: 0 }, [say('I was '), { gate: 'open' }, say('there')])
const goOn = rule('go on', { lastText: 'cut off by a crash' }, [say('went on')])
const echo = rule('echo', {}, [say('you said {{lastText}}')])

/** A program in the place of Codex. */
function openProgram(script: string): Disposable & { readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-program-'))
  const path = join(folder, 'codex')
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  return { path, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

describe('stopping', { timeout: 60_000 }, () => {
  it('lets a turn end within the grace, and takes no new ones', async () => {
    await using bench = await openBench([held, echo])
    const { agents } = bench.life
    const turn = await bench.ask({ prompt: 'hold' })
    await bench.event(turn, 'text')
    const stopped = agents.stop({ graceMs: 30_000 })
    await expect(agents.accept(bench.input({}), caller)).rejects.toMatchObject({ code: 'DAEMON_STOPPING' })
    bench.model.release('open')
    await stopped
    expect(await bench.ended(turn)).toMatchObject({ success: true, status: 'completed' })
    expect(await bench.events(turn, 'turn.paused')).toEqual([])
  })

  it('pauses a turn that takes longer; the next life goes on with it, and with those behind it', async () => {
    await using bench = await openBench([held, goOn, echo])
    const turn = await bench.ask({ prompt: 'hold' })
    await bench.event(turn, 'text')
    const session = (await bench.life.agents.turn(turn.id)).threadId ?? ''
    const behind = await bench.ask({ prompt: 'next', session_id: session })
    await bench.nextLife('stop')
    const answers = await Promise.all([bench.ended(turn), bench.ended(behind)])
    expect(answers).toMatchObject([
      { success: true, agent_messages: 'went on', session_id: session },
      { success: true, agent_messages: 'you said next', session_id: session },
    ])
    expect(await bench.events(turn, 'turn.paused')).toHaveLength(1)
    expect(await bench.decisions(turn)).toEqual(['continued'])
    expect(await bench.startsInCodex(turn)).toBe(1)
  })

  it('does not wait any longer when it is told to hurry', async () => {
    await using bench = await openBench([held, goOn])
    const turn = await bench.ask({ prompt: 'hold' })
    await bench.event(turn, 'text')
    const hurry = new AbortController()
    const stopped = bench.life.agents.stop({ graceMs: 50_000, now: hurry.signal })
    hurry.abort()
    await stopped
    expect(await bench.life.agents.turn(turn.id)).toMatchObject({ status: 'running', pausedAt: expect.any(Number) })
  })

  it('makes a cancel that comes meanwhile win over the pause', async () => {
    await using bench = await openBench([held, goOn])
    const turn = await bench.ask({ prompt: 'hold' })
    await bench.event(turn, 'text')
    const stopped = bench.life.agents.stop({ graceMs: 0 })
    const cancelled = bench.life.agents.cancel(turn.id, 'ann')
    await stopped
    await cancelled
    await bench.nextLife('stop')
    expect(await bench.ended(turn)).toMatchObject({ status: 'interrupted' })
  })
})

describe('waiting', { timeout: 60_000 }, () => {
  it('is over when its time is up or its caller leaves; the turn goes on', async () => {
    await using bench = await openBench([held, echo])
    const { agents } = bench.life
    const turn = await bench.ask({ prompt: 'hold' })
    expect((await agents.wait(turn.id, { timeoutMs: 0 })).endedAt).toBeNull()
    expect((await agents.wait(turn.id, { timeoutMs: 20 })).endedAt).toBeNull()
    expect((await agents.wait(turn.id, { timeoutMs: 60_000, signal: AbortSignal.abort() })).endedAt).toBeNull()
    const leaving = new AbortController()
    const waiting = agents.wait(turn.id, { timeoutMs: 60_000, signal: leaving.signal })
    leaving.abort()
    expect((await waiting).endedAt).toBeNull()
    bench.model.release('open')
    expect((await bench.ended(turn)).success).toBe(true)
    await expect(agents.wait(asTurnId('turn_none'), { timeoutMs: 0 })).rejects.toMatchObject({ code: 'TURN_UNKNOWN' })
  })
})

describe('the queue', { timeout: 60_000 }, () => {
  it('is left after its time, and full at its limit', async () => {
    await using bench = await openBench([held, echo], {
      config: { turns: { max_running: 1, max_queued: 1, queued_timeout_ms: 700 } },
    })
    const first = await bench.ask({ prompt: 'hold' })
    await bench.event(first, 'turn.started')
    const second = await bench.ask({ prompt: 'never' })
    await expect(bench.ask({ prompt: 'too much' })).rejects.toMatchObject({ code: 'TURN_QUEUE_FULL', kind: 'busy' })
    expect(await bench.ended(second)).toMatchObject({ status: 'failed', error: { code: 'TURN_QUEUED_TOO_LONG' } })
    expect((await bench.life.agents.turn(first.id)).status).toBe('running')
    bench.model.release('open')
    expect((await bench.ended(first)).success).toBe(true)
  })

  it('is full at its limit for callers at the same moment, too; those that can run at once do not count', async () => {
    await using bench = await openBench([held, echo], { config: { turns: { max_running: 2, max_queued: 1 } } })
    const asked = await Promise.allSettled(Array.from({ length: 20 }, () => bench.ask({ prompt: 'hold' })))
    const accepted = asked.flatMap(each => (each.status === 'fulfilled' ? [each.value] : []))
    const refused = asked.flatMap(each => (each.status === 'rejected' ? [each.reason] : []))
    expect(accepted).toHaveLength(3)
    expect(refused.map((error: AppError) => error.code)).toEqual(refused.map(() => 'TURN_QUEUE_FULL'))
    bench.model.release('open')
    await Promise.all(accepted.map(turn => bench.ended(turn)))
    expect((await bench.answer({ prompt: 'after' })).success).toBe(true)
  })
})

describe('a Codex that', { timeout: 60_000 }, () => {
  async function answerOf(script: string, limits: BenchOptions['host'] = {}) {
    using program = openProgram(script)
    const { path } = program
    await using bench = await openBench([echo], {
      codexStartMs: 1500,
      host: { ...limits, binary: { path, executable: path, source: 'configuration' } },
    })
    const turn = await bench.ask({})
    return { answer: await bench.ended(turn), row: await bench.life.agents.turn(turn.id) }
  }

  it('crashes at once is an error with the reason, not a wait', async () => {
    const { answer } = await answerOf('echo no such library >&2; exit 3', {
      limits: { maxCrashes: 2, firstDelayMs: 10, maxDelayMs: 20 },
    })
    expect(answer).toMatchObject({
      status: 'failed',
      error: { code: 'CODEX_BREAKER_OPEN', message: expect.stringContaining('no such library') },
    })
  })

  it('is not there any more is an error', async () => {
    const { answer } = await answerOf('rm -- "$0"; exit 1', {
      limits: { maxCrashes: 2, firstDelayMs: 10, maxDelayMs: 20 },
    })
    expect(answer).toMatchObject({ status: 'failed', error: { kind: 'unavailable', hint: expect.any(String) } })
  })

  it('never answers is given up', async () => {
    const { answer } = await answerOf('sleep 600')
    expect(answer).toMatchObject({
      status: 'failed',
      error: { code: 'CODEX_START_TIMEOUT', kind: 'timeout' },
      session_id: null,
    })
  })
})

describe('stopping while a turn waits for Codex', { timeout: 60_000 }, () => {
  it('pauses it, unsent', async () => {
    using program = openProgram('sleep 600')
    const { path } = program
    await using bench = await openBench([echo], {
      host: { binary: { path, executable: path, source: 'configuration' } },
    })
    const turn = await bench.ask({})
    await bench.life.agents.stop({ graceMs: 0 })
    expect(await bench.life.agents.turn(turn.id)).toMatchObject({
      status: 'queued',
      attempts: [],
      pausedAt: expect.any(Number),
    })
  })
})
