import { describe, expect, it } from 'vitest'
import { failWith, rule, say } from '#scripted-model'
import type { Step } from '#scripted-model'
import { openBench } from '../src/agents/test-harness.ts'

const limited: Step = {
  error: {
    status: 429,
    message: 'the plan is used up',
    type: 'usage_limit_reached',
    data: { resets_at: 1_900_000_000 },
  },
}

describe('an upstream that fails', { timeout: 120_000 }, () => {
  it.each<[string, readonly Step[], string]>([
    ['401', [failWith(401, 'bad key')], 'UPSTREAM_UNAUTHORIZED'],
    ['403', [failWith(403, 'not you')], 'UPSTREAM_UNAUTHORIZED'],
    ['429', [failWith(429, 'slow down')], 'UPSTREAM_RATE_LIMITED'],
    ['context too long', [failWith(400, 'too long', { code: 'context_length_exceeded' })], 'CONTEXT_TOO_LONG'],
    ['usage limit', [limited], 'UPSTREAM_USAGE_LIMIT'],
    ['invalid prompt', [failWith(400, 'not today', { code: 'invalid_prompt' })], 'CODEX_TURN_FAILED'],
    ['404', [failWith(404, 'no such model')], 'MODEL_UNKNOWN'],
  ])('is told by its code: %s', async (_, steps, code) => {
    await using bench = await openBench([
      rule('fail', { lastText: 'hello' }, steps),
      rule('echo', {}, [say('you said {{lastText}}')]),
    ])
    const answer = await bench.answer({ prompt: 'hello' })
    expect(answer).toMatchObject({ success: false, status: 'failed', error: { code, hint: expect.any(String) } })
    expect(answer.session_id).not.toBeNull()
    // The session is good for another try.
    expect(await bench.answer({ prompt: 'again', session_id: answer.session_id ?? '' })).toMatchObject({
      success: true,
      session_restarted: false,
    })
  })

  it.each<[string, readonly Step[], object, string]>([
    ['silent', [{ silent: true }], { first_event_timeout_ms: 2000 }, 'TURN_NO_FIRST_EVENT'],
    ['silent half-way', [say('I was '), { silent: true }], { silence_timeout_ms: 2000 }, 'TURN_SILENT'],
    ['500 again and again', [failWith(500, 'broken')], { retrying_timeout_ms: 2000 }, 'TURN_UPSTREAM_RETRYING'],
    ['cut again and again', [{ open: true }, { cut: true }], { retrying_timeout_ms: 2000 }, 'TURN_UPSTREAM_RETRYING'],
    ['in all', [say('I was '), { gate: 'never' }], { total_timeout_ms: 3000 }, 'TURN_TOO_LONG'],
  ])('is given up at its deadline: %s', async (_, steps, turns, code) => {
    await using bench = await openBench(
      [rule('fail', { lastText: 'hello' }, steps), rule('echo', {}, [say('you said {{lastText}}')])],
      { config: { turns } },
    )
    const answer = await bench.answer({ prompt: 'hello' })
    expect(answer).toMatchObject({ success: false, status: 'failed', error: { code } })
    expect(answer.elapsed_ms).toBeLessThan(15_000)
    expect(await bench.answer({ prompt: 'again', session_id: answer.session_id ?? '' })).toMatchObject({
      success: true,
      agent_messages: 'you said again',
    })
  })

  it('is given up at its deadline: nobody listens there', async () => {
    await using bench = await openBench([], { config: { turns: { retrying_timeout_ms: 2000 } } })
    await bench.model[Symbol.asyncDispose]()
    expect(await bench.answer({})).toMatchObject({
      status: 'failed',
      error: { code: 'TURN_UPSTREAM_RETRYING', kind: 'unavailable' },
    })
  })

  it('does not matter when it comes back in time', async () => {
    await using bench = await openBench([
      rule('shaky', {}, [failWith(500, 'broken')], [{ open: true }, { cut: true }], [say('fine')]),
    ])
    const turn = await bench.ask({})
    expect(await bench.ended(turn)).toMatchObject({ success: true, agent_messages: 'fine' })
    expect((await bench.events(turn, 'retrying')).length).toBeGreaterThan(0)
  })
})
