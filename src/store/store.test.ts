import { asAgentId, AppError, asThreadId, newAgentId, newTurnId } from '#kernel'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { insertAgent, insertThread, insertTurn, markThreadLost, putSettings, updateAgent, updateTurn } from './index.ts'
import type { Change, Store, StoredEvent, TurnRow } from './index.ts'
import { addAgent, agentRow, arms, textEvent, threadRow, turnRow } from './test-arms.ts'
import type { Home } from './test-arms.ts'

describe.each(arms)('the store on $name', arm => {
  let home: Home
  let store: Store

  beforeEach(async () => {
    home = await arm.create()
    store = await home.open()
  })

  afterEach(async () => {
    await store[Symbol.asyncDispose]()
    await home[Symbol.asyncDispose]()
  })

  async function reopen(): Promise<void> {
    await store[Symbol.asyncDispose]()
    store = await home.open()
  }

  test('keeps its node id', async () => {
    const first = store.nodeId
    await reopen()
    expect(first).toMatch(/^node_/)
    expect(store.nodeId).toBe(first)
  })

  describe('agents', () => {
    test('come back as they were, after a reopen, too', async () => {
      const agent = await addAgent(store, { claudeSessionId: 'claude', title: 'ein Titel — 題 \u{1f600}' })
      expect(await store.agents.byId(agent.id)).toEqual(agent)
      await reopen()
      expect(await store.agents.byId(agent.id)).toEqual(agent)
      expect(await store.agents.byId(newAgentId(1))).toBeUndefined()
      expect(await store.agents.count()).toBe(1)
    })

    test('are changed in part, and a missing one is an error', async () => {
      const agent = await addAgent(store)
      await store.commit({ changes: [updateAgent(agent.id, { status: 'archived', lastActiveAt: 5 })] })
      await store.commit({ changes: [updateAgent(agent.id, {})] })
      expect(await store.agents.byId(agent.id)).toEqual({ ...agent, status: 'archived', lastActiveAt: 5 })
      const missing = store.commit({ changes: [updateAgent(newAgentId(1), { title: 'x' })] })
      expect(await errorOf(missing)).toMatchObject({ code: 'STORE_MISSING', kind: 'missing' })
    })

    test('are found by a thread that they have and by one that they lost', async () => {
      const agent = await addAgent(store)
      await addAgent(store)
      await store.commit({ changes: [insertThread(threadRow(agent, 'old'))] })
      await store.commit({
        changes: [
          markThreadLost(asThreadId('old'), 7),
          insertThread(threadRow(agent, 'new')),
          updateAgent(agent.id, { threadId: asThreadId('new') }),
        ],
      })
      const now = { ...agent, threadId: 'new' }
      expect(await store.agents.byThread(asThreadId('old'))).toEqual(now)
      expect(await store.agents.byThread(asThreadId('new'))).toEqual(now)
      expect(await store.agents.byThread(asThreadId('other'))).toBeUndefined()
      const missing = store.commit({ changes: [markThreadLost(asThreadId('other'), 7)] })
      expect(await errorOf(missing)).toMatchObject({ code: 'STORE_MISSING' })
    })

    test('latest: open, of the directory, of the Claude session when given', async () => {
      const mine = await addAgent(store, { lastActiveAt: 10, claudeSessionId: 'mine' })
      const other = await addAgent(store, { lastActiveAt: 20, claudeSessionId: 'other' })
      await addAgent(store, { lastActiveAt: 30, claudeSessionId: 'mine', status: 'archived' })
      await addAgent(store, { lastActiveAt: 40, claudeSessionId: 'mine', cwd: '/elsewhere' })
      expect(await store.agents.latest({ cwd: '/project' })).toEqual(other)
      expect(await store.agents.latest({ cwd: '/project', claudeSessionId: 'mine' })).toEqual(mine)
      expect(await store.agents.latest({ cwd: '/project', claudeSessionId: 'none' })).toBeUndefined()
      expect(await store.agents.latest({ cwd: '/nowhere' })).toBeUndefined()
    })

    test('an update that wants an open agent is refused for an archived one', async () => {
      const archived = await addAgent(store, { status: 'archived' })
      const refused = new AppError('SESSION_ARCHIVED', 'conflict', 'archived')
      const update = store.commit({
        changes: [updateAgent(archived.id, { lastActiveAt: 99 }, { ifOpen: () => refused })],
      })
      await expect(update).rejects.toBe(refused)
      expect(await store.agents.byId(archived.id)).toEqual(archived)
    })

    test('list: last active first; archived ones when asked for', async () => {
      const first = await addAgent(store, { lastActiveAt: 10 })
      const second = await addAgent(store, { lastActiveAt: 20, cwd: '/elsewhere' })
      const archived = await addAgent(store, { lastActiveAt: 30, status: 'archived' })
      expect(await store.agents.list({ limit: 10 })).toEqual([second, first])
      expect(await store.agents.list({ limit: 1 })).toEqual([second])
      expect(await store.agents.list({ cwd: '/project', withArchived: true, limit: 10 })).toEqual([archived, first])
    })
  })

  describe('turns', () => {
    test('come back as they were, every member set', async () => {
      const agent = await addAgent(store)
      const turn = fullTurn(turnRow(agent))
      await store.commit({ changes: [insertTurn(turn)] })
      await reopen()
      expect(await store.turns.byId(turn.id)).toEqual(turn)
      expect(await store.turns.byIdempotencyKey('key')).toEqual(turn)
      expect(await store.turns.byIdempotencyKey('other')).toBeUndefined()
      expect(await store.turns.byId(newTurnId(1))).toBeUndefined()
    })

    test('are changed in part, JSON and booleans too, and set back to null', async () => {
      const agent = await addAgent(store)
      const turn = turnRow(agent)
      await store.commit({ changes: [insertTurn(turn)] })
      const { id, nodeId, agentId, idempotencyKey, inputHash, acceptedAt, ...patch } = fullTurn(turn)
      await store.commit({ changes: [updateTurn(turn.id, patch)] })
      expect(await store.turns.byId(turn.id)).toEqual({ ...turn, ...patch })
      const back = { usage: null, error: null, output: null, proposedDiff: null, sessionRestarted: false }
      await store.commit({ changes: [updateTurn(turn.id, back)] })
      expect(await store.turns.byId(turn.id)).toEqual({ ...turn, ...patch, ...back })
      expect([id, nodeId, agentId, acceptedAt, inputHash, idempotencyKey]).toHaveLength(6)
    })

    test('hold any JSON and any text', async () => {
      const agent = await addAgent(store)
      await fc.assert(
        fc.asyncProperty(
          fc.jsonValue(),
          fc.dictionary(fc.string(), fc.jsonValue()),
          fc.string(),
          async (output, request, prompt) => {
            const sent = { ...turnRow(agent, { output, prompt }), request: plain(request) }
            await store.commit({ changes: [insertTurn(sent)] })
            const {
              output: gotOutput,
              request: gotRequest,
              prompt: gotPrompt,
            } = (await store.turns.byId(sent.id)) ?? turnRow(agent)
            expect({ output: gotOutput, request: gotRequest, prompt: gotPrompt }).toEqual({
              output: plain(output),
              request: sent.request,
              prompt,
            })
          },
        ),
        { numRuns: 50 },
      )
    })

    test('keep every character of a text: NUL, its escape, pairs, long ones; half a pair becomes U+FFFD', async () => {
      const agent = await addAgent(store)
      const piece = fc.constantFrom(
        '\0',
        '\u001a',
        '0',
        '1',
        "'",
        '\\',
        '\u007f',
        '\u{1f600}',
        '\ufeff',
        '\ud800',
        '\r\n',
      )
      const texts = fc.array(piece, { maxLength: 12 }).map(pieces => pieces.join(''))
      const round = async (text: string): Promise<void> => {
        const turn = turnRow(agent, {
          prompt: text,
          finalText: text,
          idempotencyKey: `${text.slice(0, 100)}${newTurnId(1)}`,
        })
        await store.commit({ changes: [insertTurn(turn)], events: [textEvent(agent.id, text, { turnId: turn.id })] })
        const found = await store.turns.byIdempotencyKey(turn.idempotencyKey ?? '')
        const kept = text.toWellFormed()
        expect(found).toMatchObject({ id: turn.id, prompt: kept, finalText: kept })
        // JSON has an escape for half a pair.
        expect(await store.events.last({ turnId: turn.id })).toMatchObject({ data: { text } })
      }
      await fc.assert(fc.asyncProperty(texts, round), { numRuns: 100 })
      await round(`${'long — 題 '.repeat(500_000)}\0`)
      const key = 'a\0b'
      await store.commit({ changes: [insertTurn(turnRow(agent, { idempotencyKey: key }))] })
      await store.commit({ changes: [insertTurn(turnRow(agent, { idempotencyKey: 'a\u001a0b' }))] })
      const second = store.commit({ changes: [insertTurn(turnRow(agent, { idempotencyKey: key }))] })
      expect(await errorOf(second)).toMatchObject({ code: 'STORE_DUPLICATE_KEY' })
    })

    test('change only from the given states', async () => {
      const agent = await addAgent(store)
      const turn = turnRow(agent)
      await store.commit({ changes: [insertTurn(turn)] })
      await store.commit({ changes: [updateTurn(turn.id, { status: 'running' }, { ifStatus: ['queued', 'running'] })] })
      const late = store.commit({ changes: [updateTurn(turn.id, { status: 'failed' }, { ifStatus: ['queued'] })] })
      expect(await errorOf(late)).toMatchObject({ code: 'TURN_STATE_CHANGED', kind: 'conflict' })
      const empty = store.commit({ changes: [updateTurn(turn.id, {}, { ifStatus: ['completed'] })] })
      expect(await errorOf(empty)).toMatchObject({ code: 'TURN_STATE_CHANGED' })
      const missing = store.commit({ changes: [updateTurn(newTurnId(1), { status: 'failed' })] })
      expect(await errorOf(missing)).toMatchObject({ code: 'STORE_MISSING' })
      expect(await store.turns.byId(turn.id)).toEqual({ ...turn, status: 'running' })
    })

    test('have one idempotency key each', async () => {
      const agent = await addAgent(store)
      const first = turnRow(agent, { idempotencyKey: 'key' })
      await store.commit({ changes: [insertTurn(first), insertTurn(turnRow(agent)), insertTurn(turnRow(agent))] })
      const second = store.commit({
        changes: [insertTurn(turnRow(agent, { idempotencyKey: 'key' }))],
        events: [textEvent(agent.id, 'never')],
      })
      expect(await errorOf(second)).toMatchObject({
        code: 'STORE_DUPLICATE_KEY',
        kind: 'conflict',
        data: { unique: 'turns.idempotency_key' },
      })
      expect(await store.turns.byIdempotencyKey('key')).toEqual(first)
      expect(await store.events.after({ cursor: 0, limit: 10 })).toEqual([])
    })

    test('open ones of a node, first accepted first', async () => {
      const agent = await addAgent(store)
      const late = turnRow(agent, { acceptedAt: 30, status: 'running' })
      const early = turnRow(agent, { acceptedAt: 10 })
      const [a, b] = [turnRow(agent, { acceptedAt: 20 }), turnRow(agent, { acceptedAt: 20 })].sort((x, y) =>
        x.id < y.id ? -1 : 1,
      )
      const ended = turnRow(agent, { acceptedAt: 5, status: 'completed' })
      const foreign = turnRow({ ...agent, nodeId: agentRow(store).nodeId }, { acceptedAt: 5, nodeId: otherNode(store) })
      const turns = [late, b, early, a, ended, foreign].flatMap(turn => (turn === undefined ? [] : [turn]))
      await store.commit({ changes: turns.map(insertTurn) })
      expect(await store.turns.open(store.nodeId)).toEqual([early, a, b, late])
      expect(await store.turns.counts()).toEqual({ queued: 3, running: 1, ended: 1 })
      expect(await store.turns.counts({ agentId: asAgentId('agent_none') })).toEqual({
        queued: 0,
        running: 0,
        ended: 0,
      })
    })

    test('list: newest first, by agent, state and directory', async () => {
      const here = await addAgent(store)
      const there = await addAgent(store, { cwd: '/elsewhere' })
      const one = turnRow(here, { acceptedAt: 10, status: 'completed' })
      const two = turnRow(there, { acceptedAt: 20 })
      const three = turnRow(here, { acceptedAt: 30 })
      await store.commit({ changes: [one, two, three].map(insertTurn) })
      expect(await store.turns.list({ limit: 2 })).toEqual([three, two])
      expect(await store.turns.list({ agentId: here.id, limit: 9 })).toEqual([three, one])
      expect(await store.turns.list({ status: 'queued', cwd: '/project', limit: 9 })).toEqual([three])
      expect(await store.turns.list({ cwd: '/elsewhere', limit: 9 })).toEqual([two])
    })
  })

  describe('events', () => {
    test('get their seq, time and node, and are read by cursor, turn, agent and kind', async () => {
      const [a, b] = [newAgentId(1), newAgentId(2)]
      const turnId = newTurnId(1)
      home.clock.advance(5)
      const written = await store.commit({
        events: [
          textEvent(a, 'one', { turnId, threadId: asThreadId('thread') }),
          { kind: 'warning', data: { message: 'two' }, agentId: b, turnId: null, threadId: null },
          textEvent(a, 'three', { turnId }),
        ],
      })
      expect(written[0]).toEqual({
        seq: 1,
        at: home.clock.now(),
        nodeId: store.nodeId,
        kind: 'text',
        agentId: a,
        turnId,
        threadId: 'thread',
        data: { item_id: 'item', text: 'one' },
      })
      const [one, two, three] = written
      expect(await store.events.after({ cursor: 0, limit: 10 })).toEqual(written)
      expect(await store.events.after({ cursor: 1, limit: 1 })).toEqual([two])
      expect(await store.events.after({ cursor: 0, turnId, limit: 10 })).toEqual([one, three])
      expect(await store.events.after({ cursor: 1, agentId: a, limit: 10 })).toEqual([three])
      expect(await store.events.after({ cursor: 0, kinds: ['warning', 'unknown'], limit: 10 })).toEqual([two])
      expect(await store.events.after({ cursor: 0, kinds: [], limit: 10 })).toEqual([])
      expect(await store.events.last({ turnId })).toEqual(three)
      // [filter, how many of the latest, after which seq they come]
      for (const [filter, count, cursor] of [
        [{}, 0, 3],
        [{}, 2, 1],
        [{}, 3, 0],
        [{ turnId }, 0, 3],
        [{ turnId }, 1, 1],
        [{ turnId }, 2, 0],
        [{ agentId: a }, 1, 1],
        [{ kinds: ['warning'] }, 0, 2],
        [{ kinds: ['warning'] }, 100_000, 0],
        [{ kinds: [] }, 0, 0],
      ] as const)
        expect([filter, await store.events.cursorBefore({ ...filter, count })]).toEqual([filter, cursor])
      expect(await store.events.last({ turnId: newTurnId(2) })).toBeUndefined()
      expect(await store.events.lastSeq()).toBe(3)
    })

    test('go on counting after a reopen', async () => {
      const agentId = newAgentId(1)
      await store.commit({ events: [textEvent(agentId, 'one')] })
      await reopen()
      expect(await store.commit({ events: [textEvent(agentId, 'two')] })).toMatchObject([{ seq: 2 }])
    })

    test('1,000 commits at once: seq and listeners follow the order of the calls', async () => {
      const agentId = newAgentId(1)
      const heard: StoredEvent[] = []
      const listening = store.onEvents(events => heard.push(...events))
      store.onEvents(() => {
        throw new Error('a listener that fails stops nobody')
      })
      const writes = Array.from({ length: 1000 }, (_, n) =>
        store.commit({ events: [textEvent(agentId, String(n)), textEvent(agentId, 'and')] }),
      )
      const written = (await Promise.all(writes)).flat()
      expect(written.filter(event => event.data['text'] !== 'and').map(event => event.data['text'])).toEqual(
        Array.from({ length: 1000 }, (_, n) => String(n)),
      )
      expect(written.map(event => event.seq)).toEqual(Array.from({ length: 2000 }, (_, n) => n + 1))
      expect(heard).toEqual(written)
      expect(await store.events.after({ cursor: 0, limit: 5000 })).toEqual(written)
      listening[Symbol.dispose]()
      await store.commit({ events: [textEvent(agentId, 'unheard')] })
      expect(heard).toHaveLength(2000)
    })

    test('a listener hears of a commit before the one who wrote it, and not of a failed one', async () => {
      const log: string[] = []
      store.onEvents(events => log.push(...events.map(event => `heard ${String(event.data['text'])}`)))
      const agentId = newAgentId(1)
      await Promise.allSettled([
        store.commit({ events: [textEvent(agentId, 'a')] }).then(() => log.push('wrote a')),
        store.commit({ changes: [updateAgent(agentId, {})], events: [textEvent(agentId, 'b')] }),
        store.commit({ events: [textEvent(agentId, 'c')] }).then(() => log.push('wrote c')),
      ])
      expect(log.toSorted()).toEqual(['heard a', 'heard c', 'wrote a', 'wrote c'])
      expect(log.indexOf('heard a')).toBeLessThan(log.indexOf('wrote a'))
      expect(log.indexOf('heard c')).toBeLessThan(log.indexOf('wrote c'))
    })
  })

  describe('settings', () => {
    test('each scope has its own, replaced as a whole', async () => {
      expect(await store.settings.get('global')).toEqual({})
      await store.commit({ changes: [putSettings('global', { effort: 'high', reasoning: true })] })
      await store.commit({ changes: [putSettings('project:/a', { effort: null })] })
      await store.commit({ changes: [putSettings('global', { final_only: false })] })
      await reopen()
      expect(await store.settings.get('global')).toEqual({ final_only: false })
      expect(await store.settings.get('project:/a')).toEqual({ effort: null })
      expect(await store.settings.get('project:/b')).toEqual({})
    })
  })

  describe('a commit', () => {
    test('of nothing is done at once', async () => {
      expect(await store.commit({})).toEqual([])
    })

    test('that fails writes nothing; its neighbours in the group are kept', async () => {
      const agent = await addAgent(store)
      const turn = turnRow(agent, { status: 'completed' })
      await store.commit({ changes: [insertTurn(turn)] })
      const results = await Promise.allSettled([
        store.commit({ changes: [updateAgent(agent.id, { title: 'before' })] }),
        store.commit({
          changes: [
            updateAgent(agent.id, { title: 'never', cwd: '/never' }),
            updateTurn(turn.id, { status: 'running' }, { ifStatus: ['queued'] }),
          ],
          events: [textEvent(agent.id, 'never')],
        }),
        store.commit({ changes: [insertAgent(agent)] }),
        store.commit({ changes: [insertTurn(turnRow({ ...agent, id: newAgentId(1) }))] }),
        store.commit({ events: [textEvent(agent.id, 'after')] }),
      ])
      expect(results.map(result => (result.status === 'rejected' ? codeOf(result.reason) : 'written'))).toEqual([
        'written',
        'TURN_STATE_CHANGED',
        'STORE_DUPLICATE_KEY',
        'STORE_REJECTED',
        'written',
      ])
      expect(await store.agents.byId(agent.id)).toEqual({ ...agent, title: 'before' })
      expect(await store.turns.byId(turn.id)).toEqual(turn)
      expect(await store.events.after({ cursor: 0, limit: 9 })).toMatchObject([{ data: { text: 'after' } }])
    })

    test('of many that fail among many that do not: each gets its own answer, in order', async () => {
      const agent = await addAgent(store)
      const wrong = [
        (): Change => insertAgent(agent),
        (): Change => updateAgent(newAgentId(1), { title: 'nobody' }),
        (): Change => insertTurn(turnRow({ ...agent, id: newAgentId(1) })),
      ]
      const works = Array.from({ length: 400 }, (_, n) => {
        const isWrong = n % 3 === 0 || (n > 200 && n < 230)
        const change = isWrong ? wrong[n % 5] : undefined
        return { n, code: change === undefined ? 'written' : codes[n % 5], change }
      })
      const ended: number[] = []
      const results = await Promise.all(
        works.map(({ n, change }) => {
          const work = store.commit({
            changes: [updateAgent(agent.id, { title: `title ${n}` }), ...(change === undefined ? [] : [change()])],
            events: [textEvent(agent.id, String(n))],
          })
          return work.then(
            () => (ended.push(n), 'written'),
            (error: unknown) => (ended.push(n), codeOf(error)),
          )
        }),
      )
      expect(results).toEqual(works.map(work => work.code))
      const written = works.filter(work => work.code === 'written').map(work => String(work.n))
      const texts = (await store.events.after({ cursor: 0, limit: 1000 })).map(event => event.data['text'])
      expect(texts).toEqual(written)
      expect((await store.agents.byId(agent.id))?.title).toBe(`title ${written.at(-1)}`)
      expect(ended).toHaveLength(400)
    })

    test('with a value that no database takes is refused alone', async () => {
      const agentId = newAgentId(1)
      const bad: Change = { sql: 'select ?', parameters: [() => 1] }
      const [refused, written] = await Promise.allSettled([
        store.commit({ changes: [bad] }),
        store.commit({ events: [textEvent(agentId, 'fine')] }),
      ])
      expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'STORE_REJECTED', kind: 'bug' } })
      expect(written.status).toBe('fulfilled')
    })

    test('accepted before the store is closed is written, a later one is refused', async () => {
      const agentId = newAgentId(1)
      const last = store.commit({ events: [textEvent(agentId, 'last')] })
      const closing = store[Symbol.asyncDispose]()
      const late = store.commit({ events: [textEvent(agentId, 'late')] })
      expect(await errorOf(late)).toMatchObject({ code: 'STORE_CLOSED', kind: 'unavailable' })
      expect(await last).toMatchObject([{ seq: 1 }])
      await closing
      expect(await errorOf(store.events.lastSeq())).toMatchObject({ code: 'STORE_CLOSED' })
      store = await home.open()
      expect(await store.events.after({ cursor: 0, limit: 9 })).toMatchObject([{ data: { text: 'last' } }])
    })
  })
})

function fullTurn(turn: TurnRow): TurnRow {
  return {
    ...turn,
    threadId: asThreadId('thread'),
    status: 'completed',
    prompt: 'a prompt\nwith lines and "quotes" — 題',
    request: { sandbox: 'workspace-write', model: null, nested: { list: [1, 'two', false] } },
    caller: { door: 'mcp', project_dir: '/project' },
    idempotencyKey: 'key',
    startedAt: 1_700_000_000_001,
    endedAt: 1_700_000_000_002,
    attempts: [
      { number: 1, clientMessageId: turn.id, why: 'start', codexTurnId: 'codex', startedAt: 3 },
      { number: 2, clientMessageId: 'second', why: 'continue', codexTurnId: null, startedAt: 4 },
    ],
    cancelledBy: 'a person',
    pausedAt: 5,
    finalText: 'done',
    output: { findings: [] },
    usage: {
      input_tokens: 1,
      cached_input_tokens: 2,
      output_tokens: 3,
      reasoning_output_tokens: 4,
      total_tokens: 5,
      model_context_window: null,
    },
    diff: 'diff --git',
    proposedDiff: { patch: '--- a', applies: false, files: [{ path: 'a', applies: false, reason: 'no such file' }] },
    sessionRestarted: true,
    treeBefore: 'tree',
    error: { code: 'CODEX_GONE', kind: 'unavailable', message: 'gone', hint: 'wait', data: { pid: 1 } },
  }
}

/** Of the wrong changes above, by their place. */
const codes: readonly string[] = ['STORE_DUPLICATE_KEY', 'STORE_MISSING', 'STORE_REJECTED', 'written', 'written']

/** As JSON keeps it: no -0, no member `__proto__` set by accident. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

function otherNode(store: Store): Store['nodeId'] {
  return `${store.nodeId}x` as Store['nodeId']
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'no error',
    (error: unknown) => error,
  )
}

function codeOf(error: unknown): string {
  return error instanceof AppError ? error.code : String(error)
}
