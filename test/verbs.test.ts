import { describe, expect, it } from 'vitest'
import { verbNames } from '#contracts'
import type { VerbInput, VerbName } from '#contracts'
import { caller } from '../src/agents/test-harness.ts'
import { inputOf, openVerbs, wellness } from './support/verbs-bench.ts'

describe('the verbs', () => {
  it('ask, wait, result, turn and turns tell of one turn', async () => {
    await using opened = await openVerbs()
    const { bench, call } = opened
    const running = await call('ask', { ...inputOf(bench, 'hold'), wait_ms: 0 })
    expect(running).toMatchObject({ success: false, status: 'queued' })
    const { turn_id } = running
    expect(await call('wait', { turn_id, wait_ms: 10 })).toMatchObject({ success: false, turn_id })
    bench.model.release('open')
    const done = await call('wait', { turn_id, return_all_messages: true })
    expect(done).toMatchObject({ success: true, status: 'completed', agent_messages: 'there' })
    expect(done.all_messages).toHaveLength(2)
    expect(await call('result', { turn_id, offset: 1, max_chars: 2 })).toMatchObject({
      agent_messages: 'he',
      read_on: { offset: 3, total: 5 },
    })
    expect(await call('turn', { turn_id })).toMatchObject({
      prompt: 'hold',
      turn: { turn_id, status: 'completed' },
      answer: { agent_messages: 'there' },
    })
    await call('ask', inputOf(bench, 'more'))
    expect((await call('turns', {})).turns.map(({ prompt }) => prompt)).toEqual(['more', 'hold'])
    expect((await call('turns', { session_id: done.session_id ?? '' })).turns).toHaveLength(1)
    expect((await call('turns', { status: 'running' })).turns).toEqual([])
    expect((await call('turns', { cd: bench.folder })).turns).toEqual([])
    expect((await call('turns', { cd: bench.project, limit: 1 })).turns).toHaveLength(1)
  })

  it('health tells what the daemon found, log_level shows and changes what holds until its end', async () => {
    await using opened = await openVerbs()
    const { call } = opened
    expect(await call('health', {})).toEqual(wellness)
    expect(await call('log_level', {})).toEqual({ level: 'info', configured: 'info' })
    expect(await call('log_level', { level: 'debug' })).toEqual({ level: 'debug', configured: 'info' })
    expect(await call('log_level', {})).toEqual({ level: 'debug', configured: 'info' })
    await expect(call('log_level', { level: 'loud' as 'debug' })).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  })

  it('a caller that leaves detaches; the turn goes on', async () => {
    await using opened = await openVerbs()
    const { bench, call } = opened
    const leaving = new AbortController()
    const asked = call('ask', inputOf(bench, 'hold'), {
      signal: leaving.signal,
      onEvent: ({ kind }) => void (kind === 'turn.started' && leaving.abort()),
    })
    const left = await asked
    expect(left.status).toBe('running')
    bench.model.release('open')
    expect((await call('wait', { turn_id: left.turn_id })).success).toBe(true)
  })

  it('steer and cancel reach a running turn', async () => {
    await using opened = await openVerbs()
    const { bench, call } = opened
    const { turn_id } = await call('ask', { ...inputOf(bench, 'hold'), wait_ms: 0 })
    await bench.model.waitForRequest(request => request.rule === 'held', { timeoutMs: 20_000 })
    expect(await call('steer', { turn_id, message: 'gently' })).toMatchObject({ turn_id, status: 'running' })
    expect(await call('cancel', { turn_id }, { caller: { door: 'cli', client: 'ann 1.0' } })).toMatchObject({
      status: 'interrupted',
    })
    expect((await call('events', { turn_id })).events.find(({ kind }) => kind === 'turn.cancelling')?.data).toEqual({
      by: 'ann 1.0',
    })
  })

  it('threads, thread and archive tell of sessions; "last" is the one of the project', async () => {
    await using opened = await openVerbs()
    const { bench, call } = opened
    const { session_id } = await call('ask', inputOf(bench, 'hello\nsecond line'))
    const here = { caller: { ...caller, project_dir: bench.project } }
    expect((await call('threads', { cd: bench.project })).threads).toMatchObject([
      { session_id, title: 'hello', turns: 1, status: 'idle' },
    ])
    expect(await call('thread', { session_id: 'last' }, here)).toMatchObject({
      thread: { session_id, turns: 1 },
      turns: [{ session_id }],
    })
    expect((await call('archive', { session_id: 'last' }, here)).thread).toMatchObject({
      session_id,
      status: 'archived',
    })
    expect((await call('threads', {})).threads).toEqual([])
    expect((await call('threads', { archived: true })).threads).toHaveLength(1)
    await expect(call('thread', { session_id: 'last' })).rejects.toMatchObject({ code: 'SESSION_NONE_YET' })
  })

  it('settings are shown and changed in two scopes, and taken back', async () => {
    await using opened = await openVerbs()
    const { bench, call } = opened
    const cd = bench.project
    expect((await call('settings', {})).effective).toEqual({ effort: null, reasoning: false, final_only: true })
    await call('settings', { effort: 'high', reasoning: 'on' })
    expect(await call('settings', { cd, scope: 'project', effort: 'low', final_only: 'off' })).toEqual({
      effective: { effort: 'low', reasoning: true, final_only: false },
      global: { effort: 'high', reasoning: true },
      project: { effort: 'low', final_only: false },
    })
    expect((await call('settings', { cd, scope: 'project', effort: 'default' })).effective.effort).toBe('high')
    await expect(call('settings', { scope: 'project', effort: 'low' })).rejects.toMatchObject({
      code: 'SETTINGS_NEED_DIRECTORY',
    })
    await expect(call('settings', { cd: '/no/such/place' })).rejects.toMatchObject({ code: 'CD_INVALID' })
  })

  it('status and shutdown tell of the daemon', async () => {
    await using opened = await openVerbs()
    const { bench, call, orders } = opened
    const { turn_id } = await call('ask', { ...inputOf(bench, 'hold'), wait_ms: 0 })
    expect(await call('status', {})).toMatchObject({
      pid: 42,
      turns: { queued: 0, running: 1, ended: 0 },
      threads: 1,
      node_id: bench.life.store.nodeId,
    })
    expect(await call('shutdown', { grace_ms: 5, reason: 'upgrade' })).toEqual({ pid: 42, running: 1 })
    expect(orders).toEqual([{ graceMs: 5, reason: 'upgrade' }])
    await call('cancel', { turn_id })
    expect((await call('status', {})).turns.ended).toBe(1)
  })

  it.each<[VerbName, unknown, string]>([
    ['ask', {}, 'prompt'],
    ['ask', { prompt: '  ', cd: '/tmp' }, 'prompt'],
    ['ask', { prompt: 'é'.repeat(600_000), cd: '/tmp' }, 'prompt'],
    ['ask', { prompt: 'x' }, 'cd'],
    ['ask', { prompt: 'x', cd: '/tmp', sandbox: 'none' }, 'sandbox'],
    ['ask', { prompt: 'x', cd: '/tmp', effort: 'huge' }, 'effort'],
    ['ask', { prompt: 'x', cd: '/tmp', model: '--bad' }, 'model'],
    ['ask', { prompt: 'x', cd: '/tmp', image: 'x.png' }, 'image'],
    ['ask', { prompt: 'x', cd: '/tmp', output_schema: 'x' }, 'output_schema'],
    ['ask', { prompt: 'x', cd: '/tmp', wait_ms: -1 }, 'wait_ms'],
    ['wait', { turn_id: '' }, 'turn_id'],
    ['result', { turn_id: 'x', max_chars: 0 }, 'max_chars'],
    ['events', { limit: 0 }, 'limit'],
    ['steer', { turn_id: 'x', message: '' }, 'message'],
    ['cancel', {}, 'turn_id'],
    ['turns', { status: 'odd' }, 'status'],
    ['turn', { turn_id: 5 }, 'turn_id'],
    ['threads', { limit: 'many' }, 'limit'],
    ['thread', {}, 'session_id'],
    ['archive', { session_id: '' }, 'session_id'],
    ['settings', { reasoning: true }, 'reasoning'],
    ['shutdown', { reason: 'boredom' }, 'reason'],
  ])('%s names the member that is wrong', async (verb, input, member) => {
    await using opened = await openVerbs()
    await expect(opened.call(verb, input as VerbInput<VerbName>)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      kind: 'invalid',
      data: { fields: expect.arrayContaining([member]) },
    })
  })

  it('every one refuses a member that it does not know', async () => {
    await using opened = await openVerbs()
    for (const verb of verbNames) {
      const input = {
        prompt: 'x',
        cd: '/tmp',
        turn_id: 'x',
        session_id: 'x',
        message: 'x',
        typo: 1,
      } as unknown as VerbInput<VerbName>
      await expect(opened.call(verb, input)).rejects.toMatchObject({
        code: 'INPUT_INVALID',
        message: expect.stringContaining('typo'),
      })
    }
  })

  it.each(['wait', 'result', 'turn', 'cancel', 'steer', 'events'] as const)(
    '%s of a turn that there is not',
    async verb => {
      await using opened = await openVerbs()
      const input = verb === 'steer' ? { turn_id: 'turn_none', message: 'x' } : { turn_id: 'turn_none' }
      await expect(opened.call(verb, input as VerbInput<typeof verb>)).rejects.toMatchObject({
        code: 'TURN_UNKNOWN',
        kind: 'missing',
      })
    },
  )
})
