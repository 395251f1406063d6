import { asAgentId, asThreadId, newTurnId } from '#kernel'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { insertTurn, updateTurn } from './index.ts'
import type { Store, TurnRow } from './index.ts'
import { addAgent, agentRow, arms, errorOf, storeForEach, textEvent, turnRow } from './test-arms.ts'

describe.each(arms)('turns in the store on $name', arm => {
  const opened = storeForEach(arm)

  test('come back as they were, every member set', async () => {
    const agent = await addAgent(opened.store)
    const turn = fullTurn(turnRow(agent))
    await opened.store.commit({ changes: [insertTurn(turn)] })
    await opened.reopen()
    expect(await opened.store.turns.byId(turn.id)).toEqual(turn)
    expect(await opened.store.turns.byIdempotencyKey('key')).toEqual(turn)
    expect(await opened.store.turns.byIdempotencyKey('other')).toBeUndefined()
    expect(await opened.store.turns.byId(newTurnId(1))).toBeUndefined()
  })

  test('are changed in part, JSON and booleans too, and set back to null', async () => {
    const agent = await addAgent(opened.store)
    const turn = turnRow(agent)
    await opened.store.commit({ changes: [insertTurn(turn)] })
    const { id, nodeId, agentId, idempotencyKey, inputHash, acceptedAt, ...patch } = fullTurn(turn)
    await opened.store.commit({ changes: [updateTurn(turn.id, patch)] })
    const changed = await opened.store.turns.byId(turn.id)
    expect(changed).toEqual({ ...turn, ...patch })
    // Which turn it is cannot be changed, and what it was asked with neither.
    expect(changed).toMatchObject({ id, nodeId, agentId, acceptedAt, inputHash })
    expect(changed).not.toMatchObject({ idempotencyKey })
    const back = { usage: null, error: null, output: null, proposedDiff: null, sessionRestarted: false }
    await opened.store.commit({ changes: [updateTurn(turn.id, back)] })
    expect(await opened.store.turns.byId(turn.id)).toEqual({ ...turn, ...patch, ...back })
  })

  test('hold any JSON and any text', async () => {
    const agent = await addAgent(opened.store)
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue(),
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string(),
        async (output, request, prompt) => {
          const sent = { ...turnRow(agent, { output, prompt }), request: plain(request) }
          await opened.store.commit({ changes: [insertTurn(sent)] })
          const {
            output: gotOutput,
            request: gotRequest,
            prompt: gotPrompt,
          } = (await opened.store.turns.byId(sent.id)) ?? turnRow(agent)
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
    const agent = await addAgent(opened.store)
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
      await opened.store.commit({
        changes: [insertTurn(turn)],
        events: [textEvent(agent.id, text, { turnId: turn.id })],
      })
      const found = await opened.store.turns.byIdempotencyKey(turn.idempotencyKey ?? '')
      const kept = text.toWellFormed()
      expect(found).toMatchObject({ id: turn.id, prompt: kept, finalText: kept })
      // JSON has an escape for half a pair.
      expect(await opened.store.events.last({ turnId: turn.id })).toMatchObject({ data: { text } })
    }
    await fc.assert(fc.asyncProperty(texts, round), { numRuns: 100 })
    await round(`${'long — 題 '.repeat(500_000)}\0`)
    const key = 'a\0b'
    await opened.store.commit({ changes: [insertTurn(turnRow(agent, { idempotencyKey: key }))] })
    await opened.store.commit({ changes: [insertTurn(turnRow(agent, { idempotencyKey: 'a\u001a0b' }))] })
    const second = opened.store.commit({ changes: [insertTurn(turnRow(agent, { idempotencyKey: key }))] })
    expect(await errorOf(second)).toMatchObject({ code: 'STORE_DUPLICATE_KEY' })
  })

  test('change only from the given states', async () => {
    const agent = await addAgent(opened.store)
    const turn = turnRow(agent)
    await opened.store.commit({ changes: [insertTurn(turn)] })
    await opened.store.commit({
      changes: [updateTurn(turn.id, { status: 'running' }, { ifStatus: ['queued', 'running'] })],
    })
    const late = opened.store.commit({ changes: [updateTurn(turn.id, { status: 'failed' }, { ifStatus: ['queued'] })] })
    expect(await errorOf(late)).toMatchObject({ code: 'TURN_STATE_CHANGED', kind: 'conflict' })
    const empty = opened.store.commit({ changes: [updateTurn(turn.id, {}, { ifStatus: ['completed'] })] })
    expect(await errorOf(empty)).toMatchObject({ code: 'TURN_STATE_CHANGED' })
    const missing = opened.store.commit({ changes: [updateTurn(newTurnId(1), { status: 'failed' })] })
    expect(await errorOf(missing)).toMatchObject({ code: 'STORE_MISSING' })
    expect(await opened.store.turns.byId(turn.id)).toEqual({ ...turn, status: 'running' })
  })

  test('have one idempotency key each', async () => {
    const agent = await addAgent(opened.store)
    const first = turnRow(agent, { idempotencyKey: 'key' })
    await opened.store.commit({ changes: [insertTurn(first), insertTurn(turnRow(agent)), insertTurn(turnRow(agent))] })
    const second = opened.store.commit({
      changes: [insertTurn(turnRow(agent, { idempotencyKey: 'key' }))],
      events: [textEvent(agent.id, 'never')],
    })
    expect(await errorOf(second)).toMatchObject({
      code: 'STORE_DUPLICATE_KEY',
      kind: 'conflict',
      data: { unique: 'turns.idempotency_key' },
    })
    expect(await opened.store.turns.byIdempotencyKey('key')).toEqual(first)
    expect(await opened.store.events.after({ cursor: 0, limit: 10 })).toEqual([])
  })

  test('open ones of a node, first accepted first', async () => {
    const agent = await addAgent(opened.store)
    const late = turnRow(agent, { acceptedAt: 30, status: 'running' })
    const early = turnRow(agent, { acceptedAt: 10 })
    const [a, b] = [turnRow(agent, { acceptedAt: 20 }), turnRow(agent, { acceptedAt: 20 })].sort((x, y) =>
      x.id < y.id ? -1 : 1,
    )
    const ended = turnRow(agent, { acceptedAt: 5, status: 'completed' })
    const foreign = turnRow(
      { ...agent, nodeId: agentRow(opened.store).nodeId },
      { acceptedAt: 5, nodeId: otherNode(opened.store) },
    )
    const turns = [late, b, early, a, ended, foreign].flatMap(turn => (turn === undefined ? [] : [turn]))
    await opened.store.commit({ changes: turns.map(insertTurn) })
    expect(await opened.store.turns.open(opened.store.nodeId)).toEqual([early, a, b, late])
    expect(await opened.store.turns.counts()).toEqual({ queued: 3, running: 1, ended: 1 })
    expect(await opened.store.turns.counts({ agentId: asAgentId('agent_none') })).toEqual({
      queued: 0,
      running: 0,
      ended: 0,
    })
  })

  test('list: newest first, by agent, state and directory', async () => {
    const here = await addAgent(opened.store)
    const there = await addAgent(opened.store, { cwd: '/elsewhere' })
    const one = turnRow(here, { acceptedAt: 10, status: 'completed' })
    const two = turnRow(there, { acceptedAt: 20 })
    const three = turnRow(here, { acceptedAt: 30 })
    await opened.store.commit({ changes: [one, two, three].map(insertTurn) })
    expect(await opened.store.turns.list({ limit: 2 })).toEqual([three, two])
    expect(await opened.store.turns.list({ agentId: here.id, limit: 9 })).toEqual([three, one])
    expect(await opened.store.turns.list({ status: 'queued', cwd: '/project', limit: 9 })).toEqual([three])
    expect(await opened.store.turns.list({ cwd: '/elsewhere', limit: 9 })).toEqual([two])
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

/** As JSON keeps it: no -0, no member `__proto__` set by accident. */
function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T
}

function otherNode(store: Store): Store['nodeId'] {
  return `${store.nodeId}x` as Store['nodeId']
}
