import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rule, say, shell } from '#scripted-model'
import { updateTurn } from '#store'
import { openBench } from '../src/agents/test-harness.ts'
import type { Bench } from '../src/agents/test-harness.ts'
import type { CrashPoint } from '../src/agents/test-severable-store.ts'

const rules = [
  rule('begin', { lastText: 'add a line', sincePrompt: 0 }, [say('I begin.'), shell('echo line >> log.txt')]),
  rule('end', { lastText: 'add a line' }, [say('done')]),
  rule('go on', { lastText: 'cut off by a crash' }, [say('done after all')]),
]
const prompt = { prompt: 'add a line', sandbox: 'workspace-write', idempotency_key: 'k' } as const

const linesIn = (bench: Bench): number => {
  const path = join(bench.project, 'log.txt')
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').length - 1 : 0
}

/** One turn, cut off at the point, then taken up by the next life. `undefined` when it ended before the point. */
async function crashAt(point: CrashPoint): Promise<object | undefined> {
  await using bench = await openBench(rules)
  const crashed = bench.life.severed.severAt(point).then(() => 'crashed' as const)
  const asked = bench.ask(prompt).then(async turn => (await bench.ended(turn), 'ended' as const))
  if ((await Promise.race([crashed, asked])) === 'ended') return undefined
  await bench.nextLife('abandon')
  // The caller tries again, as a client does that lost its daemon.
  const turn = await bench.ask(prompt)
  const answer = await bench.ended(turn)
  return {
    success: answer.success,
    error: answer.error,
    hasText: answer.agent_messages.startsWith('done'),
    // None when Codex lost the session after it had begun: then a continuation carries the task.
    isRunTwice: (await bench.startsInCodex(turn)) > 1,
    ends: (await bench.events(turn, 'turn.ended')).length,
    lines: linesIn(bench) <= 1,
    // Also when the crash swallowed the record of the command.
    isDiffWhole: (answer.diff ?? '').includes('+line') === (linesIn(bench) === 1),
    turns: (await bench.life.store.turns.list({ limit: 10 })).length,
  }
}

const whole = {
  success: true,
  error: null,
  hasText: true,
  isRunTwice: false,
  ends: 1,
  lines: true,
  isDiffWhole: true,
  turns: 1,
}

describe('a daemon that dies between any two writes of a turn', () => {
  it.each(['before', 'after'] as const)(
    'loses nothing and runs nothing twice: %s each write',
    { timeout: 400_000 },
    async side => {
      const outcomes: (readonly [number, object])[] = []
      for (let commit = 1; commit < 40; commit += 1) {
        const outcome = await crashAt({ commit, side })
        if (outcome === undefined) break
        outcomes.push([commit, outcome])
      }
      expect(outcomes.filter(([, outcome]) => JSON.stringify(outcome) !== JSON.stringify(whole))).toEqual([])
      expect(outcomes.length).toBeGreaterThan(5)
    },
  )
})

describe('an open turn that cannot be read', { timeout: 60_000 }, () => {
  it('fails by itself: the start, the lists and the other turns do not know of it', async () => {
    await using bench = await openBench([
      rule('held', { lastText: 'hold', sincePrompt: 0 }, [say('I was '), { gate: 'never' }]),
      rule('go on', { lastText: 'cut off by a crash' }, [say('went on')]),
      rule('echo', {}, [say('you said {{lastText}}')]),
    ])
    const good = await bench.ask({ prompt: 'hold' })
    const bad = await bench.ask({ prompt: 'hold' })
    await Promise.all([good, bad].map(turn => bench.event(turn, 'text')))
    await bench.life.store.commit({ changes: [updateTurn(bad.id, { request: {} })] })
    const { agents } = await bench.nextLife('abandon')
    expect(agents.summary(await agents.turn(bad.id))).toMatchObject({ turn_id: bad.id, cd: '' })
    const answers = await Promise.all([bench.ended(good), bench.ended(bad)])
    expect(answers).toMatchObject([
      { success: true, agent_messages: 'went on' },
      { status: 'failed', agent_messages: 'I was ', error: { code: 'TURN_UNREADABLE' } },
    ])
    const next = await bench.answer({ prompt: 'next', session_id: answers[1]?.session_id ?? '' })
    expect(next).toMatchObject({ success: true, agent_messages: 'you said next' })
  })
})
