import { describe, expect, it } from 'vitest'
import { verbNames, verbs } from '#contracts'
import type { CallOptions, Health, LogLevel, VerbInput, VerbName, VerbOutput, WireEvent } from '#contracts'
import { systemClock } from '#kernel'
import { rule, say } from '#scripted-model'
import { createVerbs } from '#verbs'
import type { StatusFacts } from '#verbs'
import { caller, openBench } from '../src/agents/test-harness.ts'
import type { Bench } from '../src/agents/test-harness.ts'

const held = rule('held', { lastText: '/hold|gently/' }, [say('I was '), { gate: 'open' }, say('there')])
const thoughtful = rule('think', { lastText: 'think' }, [{ reasoning: 'let me see' }, say('thought')])
const echo = rule('echo', {}, [say('you said {{lastText}}')])

const facts: StatusFacts = {
  version: '0.1.0',
  pid: 42,
  started_at: 1,
  socket: '/run/socket',
  state_dir: '/state',
  log_file: '/state/log',
  is_supervised: false,
  is_stopping: false,
  codex: {
    kind: 'idle',
    version: null,
    path: null,
    pid: null,
    is_tested_version: null,
    tested_range: 'x',
    detail: null,
  },
  clients: 1,
  memory_bytes: 1,
  http: null,
}

const wellness: Health = {
  state: 'degraded',
  at: 1,
  version: '0.1.0',
  pid: 42,
  log_level: 'info',
  idle_since: null,
  idle_shutdown_ms: 0,
  parts: [{ part: 'disk', state: 'degraded', since: 1, why: 'full', cure: 'df', looked_at: 1, details: { free: 0 } }],
}

async function openVerbs() {
  let level: LogLevel = 'info'
  const bench = await openBench([held, thoughtful, echo])
  const orders: unknown[] = []
  const port = () =>
    createVerbs({
      agents: bench.life.agents,
      store: bench.life.store,
      clock: systemClock,
      facts: async () => facts,
      health: async () => wellness,
      logging: { level: () => level, setLevel: wanted => void (level = wanted), configured: 'info' },
      shutdown: order => void orders.push(order),
    })
  return {
    bench,
    orders,
    /** Calls through the port, and holds the answer against the verb's own schema. */
    call: async <N extends VerbName>(
      verb: N,
      input: VerbInput<N>,
      options: Partial<CallOptions> = {},
    ): Promise<VerbOutput<N>> => {
      const output = await port().call(verb, input, { caller, ...options })
      expect(verbs[verb].output.strict().safeParse(output).error).toBeUndefined()
      return output
    },
    [Symbol.asyncDispose]: () => bench[Symbol.asyncDispose](),
  }
}

const inputOf = (bench: Bench, prompt: string): VerbInput<'ask'> => ({ prompt, cd: bench.project })

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

  it('reasoning reaches who waits only when it was asked for; events shows it always', async () => {
    await using opened = await openVerbs()
    const { bench, call } = opened
    const kindsOf = async () => {
      const kinds: string[] = []
      const options = { onEvent: (event: WireEvent) => void kinds.push(event.kind) }
      const { turn_id } = await call('ask', inputOf(bench, 'think'), options)
      await call('wait', { turn_id, cursor: 0 }, options)
      const { events } = await call('events', { turn_id })
      const thoughts = (some: readonly string[]) => some.filter(kind => kind === 'reasoning').length
      return { told: thoughts(kinds), listed: thoughts(events.map(({ kind }) => kind)) }
    }
    expect(await kindsOf()).toEqual({ told: 0, listed: 1 })
    await call('settings', { reasoning: 'on' })
    expect(await kindsOf()).toEqual({ told: 2, listed: 1 })
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

  it('a following caller gets each event once, in order, before the answer', async () => {
    await using opened = await openVerbs()
    const { bench, call } = opened
    const events: WireEvent[] = []
    const answer = await call('ask', inputOf(bench, 'hello'), { onEvent: event => void events.push(event) })
    expect(events[0]?.kind).toBe('turn.accepted')
    expect(events.at(-1)?.kind).toBe('turn.ended')
    const seqs = events.map(({ seq }) => seq)
    expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b))
    const later: WireEvent[] = []
    await call('wait', { turn_id: answer.turn_id, cursor: seqs[1] }, { onEvent: event => void later.push(event) })
    expect(later.map(({ seq }) => seq)).toEqual(seqs.slice(2))
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

  it('events are read in pages, waited for, and followed', async () => {
    await using opened = await openVerbs()
    const { bench, call } = opened
    const { turn_id, session_id } = await call('ask', inputOf(bench, 'hello'))
    const all = await call('events', { turn_id })
    expect(all.has_more).toBe(false)
    const pages: number[] = []
    let page = await call('events', { turn_id, limit: 3 })
    for (; page.has_more; page = await call('events', { turn_id, limit: 3, cursor: page.cursor }))
      pages.push(...page.events.map(({ seq }) => seq))
    expect([...pages, ...page.events.map(({ seq }) => seq)]).toEqual(all.events.map(({ seq }) => seq))
    expect((await call('events', { session_id: session_id ?? '' })).events).toEqual(all.events)
    // Nothing new: at once, after a while, or when the caller leaves.
    expect(await call('events', { turn_id, cursor: all.cursor })).toEqual({
      events: [],
      cursor: all.cursor,
      has_more: false,
    })
    expect((await call('events', { turn_id, cursor: all.cursor, wait_ms: 20 })).events).toEqual([])
    expect(
      (await call('events', { turn_id, cursor: all.cursor, wait_ms: 60_000 }, { signal: AbortSignal.abort() })).events,
    ).toEqual([])
    const waiting = call('events', { cursor: all.cursor, wait_ms: 60_000 })
    const second = await call('ask', inputOf(bench, 'again'))
    expect((await waiting).events[0]).toMatchObject({ kind: 'turn.accepted', turn_id: second.turn_id })
    const followed: WireEvent[] = []
    const result = await call(
      'events',
      { turn_id, follow: true, wait_ms: 20 },
      { onEvent: event => void followed.push(event) },
    )
    expect(followed).toEqual(all.events)
    expect(result).toEqual({ events: [], cursor: all.cursor, has_more: false })
    const leaving = new AbortController()
    const following = call(
      'events',
      { turn_id, follow: true },
      { signal: leaving.signal, onEvent: ({ kind }) => void (kind === 'turn.ended' && leaving.abort()) },
    )
    expect((await following).cursor).toBe(all.cursor)
  })

  it('events of a kind, and the latest of all', async () => {
    await using opened = await openVerbs()
    const { bench, call } = opened
    const { turn_id } = await call('ask', inputOf(bench, 'hello'))
    const all = await call('events', {})
    const ofKinds = await call('events', { kinds: ['turn.ended', 'turn.accepted'], limit: 1 })
    expect(ofKinds).toMatchObject({ events: [{ kind: 'turn.accepted', turn_id }], has_more: true })
    const rest = await call('events', { kinds: ['turn.ended', 'turn.accepted'], cursor: ofKinds.cursor })
    expect(rest.events.map(({ kind }) => kind)).toEqual(['turn.ended'])
    expect((await call('events', { tail: 2 })).events).toEqual(all.events.slice(-2))
    expect(await call('events', { tail: 0 })).toEqual({ events: [], cursor: all.cursor, has_more: false })
    // The cursor wins where it is later, and more than there is is all.
    expect((await call('events', { tail: 2, cursor: all.cursor })).events).toEqual([])
    expect((await call('events', { tail: 100_000 })).events).toEqual(all.events)
    // Of other kinds nothing is passed, and nothing ends the waiting.
    const followed: string[] = []
    const waiting = call('events', { kinds: ['turn.ended'], cursor: all.cursor, wait_ms: 60_000 })
    const leaving = new AbortController()
    const following = call(
      'events',
      { kinds: ['turn.ended'], tail: 0, follow: true },
      { signal: leaving.signal, onEvent: ({ kind }) => void followed.push(kind) },
    )
    await call('ask', inputOf(bench, 'again'))
    expect((await waiting).events.map(({ kind }) => kind)).toEqual(['turn.ended'])
    leaving.abort()
    await following
    expect(followed).toEqual(['turn.ended'])
    // The last of the first turn and of a kind, however much came since.
    expect((await call('events', { turn_id, tail: 1 })).events).toMatchObject([{ kind: 'turn.ended', turn_id }])
    expect((await call('events', { kinds: ['turn.accepted'], tail: 2 })).events).toHaveLength(2)
  })

  it('events of a turn and a session are those that are of both', async () => {
    await using opened = await openVerbs()
    const { bench, call } = opened
    const { turn_id, session_id } = await call('ask', inputOf(bench, 'hello'))
    const other = await call('ask', inputOf(bench, 'something else'))
    expect(other.session_id).not.toBe(session_id)
    const both = await call('events', { turn_id, session_id: session_id ?? '' })
    expect(both).toEqual(await call('events', { turn_id }))
    expect(both.events.length).toBeGreaterThan(0)
    expect((await call('events', { turn_id, session_id: other.session_id ?? '' })).events).toEqual([])
    await expect(call('events', { turn_id, session_id: 'nobody' })).rejects.toMatchObject({ kind: 'missing' })
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
