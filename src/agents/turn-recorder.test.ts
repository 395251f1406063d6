import { describe, expect, it } from 'vitest'
import { AppError, asAgentId, asTurnId, createFakeClock, silentLog } from '#kernel'
import type { CodexEvent } from '#codex'
import type { StoredEvent, Work } from '#store'
import { TurnRecorder } from './turn-recorder.ts'

type Answer = 'ok' | 'held' | AppError

const full = new AppError('STORE_FULL', 'unavailable', 'no space left')
const change = (sql: string) => ({ sql, parameters: [] })

/** A store that answers as it is told, one answer a write, then "ok". */
function openRecorder(answers: readonly Answer[] = []) {
  const clock = createFakeClock()
  const writes: string[] = []
  const held: (() => void)[] = []
  const left = [...answers]
  const commit = async (work: Work): Promise<readonly StoredEvent[]> => {
    const answer = left.shift() ?? 'ok'
    const events = (work.events ?? []).map(event => JSON.stringify('text' in event.data ? event.data.text : event.kind))
    writes.push([...(work.changes ?? []).map(each => each.sql), ...events].join(' '))
    if (answer === 'held') await new Promise<void>(resolve => held.push(resolve))
    if (answer instanceof AppError) throw answer
    return []
  }
  const place = { agentId: asAgentId('agent_1'), turnId: asTurnId('turn_1'), threadId: null }
  const recorder = new TurnRecorder({ store: { commit }, clock, log: silentLog }, () => place)
  return { recorder, clock, writes, release: () => held.shift()?.() }
}

const onTurn = { threadId: 't', codexTurnId: 'c' }
const delta = (itemId: string, text: string): CodexEvent => ({ kind: 'text-delta', itemId, delta: text, ...onTurn })
const message = (id: string, text: string): CodexEvent => ({
  kind: 'item-completed',
  item: { kind: 'agent-message', id, text, phase: null },
  ...onTurn,
})

describe('the record of a turn', () => {
  it('gathers deltas, and writes them at the latest after 30 ms', async () => {
    const { recorder, clock, writes } = openRecorder()
    for (const word of ['so ', 'it ', 'goes']) recorder.codexEvent(delta('m1', word))
    clock.advance(29)
    expect(writes).toEqual([])
    clock.advance(1)
    expect(writes).toEqual(['"so it goes"'])
    await recorder.settled()
    expect(writes).toHaveLength(1)
  })

  it('keeps the order: what had been written of a message comes before its end', async () => {
    const { recorder, writes } = openRecorder()
    recorder.codexEvent(delta('m1', 'half'))
    recorder.codexEvent(message('m1', 'half and half'))
    recorder.codexEvent(delta('m2', 'next'))
    await recorder.commit([change('UPDATE')], [{ kind: 'turn.ended', data: { status: 'completed', error: null } }])
    expect(writes).toEqual(['UPDATE "half" "half and half" "next" "turn.ended"'])
  })

  it('writes one at a time; what comes meanwhile is one write', async () => {
    const { recorder, writes, release } = openRecorder(['held'])
    recorder.note({ kind: 'warning', data: { message: 'first' } })
    for (let i = 0; i < 3; i += 1) recorder.note({ kind: 'warning', data: { message: 'more' } })
    const first = recorder.commit([change('A')], [])
    const second = recorder.commit([change('B')], [])
    expect(writes).toEqual(['"warning"'])
    release()
    await Promise.all([first, second])
    expect(writes).toEqual(['"warning"', 'A B "warning" "warning" "warning"'])
  })

  it('tries a write again while the disk is full, and loses nothing', async () => {
    const { recorder, writes } = openRecorder([full, full])
    await recorder.commit([change('A')], [])
    expect(writes).toEqual(['A', 'A', 'A'])
  })

  it('does not make one write of everything that came in a long wait', async () => {
    const { recorder, writes, release } = openRecorder(['held'])
    recorder.note({ kind: 'warning', data: { message: 'first' } })
    for (let i = 0; i < 1500; i += 1) recorder.note({ kind: 'warning', data: { message: 'small' } })
    for (let i = 0; i < 3; i += 1) recorder.note({ kind: 'warning', data: { message: 'x'.repeat(3 * 1024 * 1024) } })
    release()
    await recorder.settled()
    expect(writes.map(write => write.split(' ').length)).toEqual([1, 1000, 501, 1, 1])
  })

  it('fails only the write that is refused for good', async () => {
    const refused = new AppError('TURN_STATE_CHANGED', 'conflict', 'not running any more')
    const { recorder, writes } = openRecorder([refused])
    const first = recorder.commit([change('A')], [])
    const second = recorder.commit([change('B')], [])
    await expect(first).rejects.toBe(refused)
    await second
    expect(writes).toEqual(['A', 'B'])
  })

  it('writes what Codex says at the latest after 30 ms, or with what is written before', async () => {
    const { recorder, clock, writes } = openRecorder()
    recorder.codexEvent(message('m1', 'one'))
    clock.advance(29)
    expect(writes).toEqual([])
    clock.advance(1)
    expect(writes).toEqual(['"one"'])
    recorder.codexEvent(message('m2', 'two'))
    const tool = { kind: 'tool', id: 'x', name: 'server.tool', status: 'completed' } as const
    recorder.codexEvent({ kind: 'item-completed', item: tool, ...onTurn })
    await recorder.settled()
    expect(writes).toEqual(['"one"', '"two" "tool"'])
    clock.advance(1000)
    expect(writes).toHaveLength(2)
  })

  it('of what was written together and refused, fails only what is refused alone', async () => {
    const refused = new AppError('TURN_STATE_CHANGED', 'conflict', 'not running any more')
    const { recorder, writes, release } = openRecorder(['held', refused, 'ok', refused])
    recorder.note({ kind: 'warning', data: { message: 'first' } })
    const said = recorder.hold([], [{ kind: 'warning', data: { message: 'm' } }])
    const more = recorder.hold([], [{ kind: 'warning', data: { message: 'm' } }])
    const bad = recorder.commit([change('A')], [])
    const good = recorder.commit([change('B')], [{ kind: 'warning', data: { message: 'm' } }])
    release()
    await expect(bad).rejects.toBe(refused)
    await Promise.all([said, more, good])
    expect(writes).toEqual([
      '"warning"',
      'A B "warning" "warning" "warning"',
      '"warning" "warning"',
      'A',
      'B "warning"',
    ])
  })

  it('does not go on trying on a store that was closed', async () => {
    const closed = new AppError('STORE_CLOSED', 'unavailable', 'the store is closed')
    const { recorder, writes } = openRecorder([closed])
    await expect(recorder.commit([change('A')], [])).rejects.toBe(closed)
    await recorder.settled()
    expect(writes).toEqual(['A'])
  })

  it('keeps what counts of what comes while the store is away for long, and not without end', async () => {
    const { recorder, writes, release } = openRecorder(['held'])
    recorder.note({ kind: 'warning', data: { message: 'first' } })
    const large = 'x'.repeat(5 * 1024 * 1024)
    for (let n = 0; n < 10; n += 1) {
      recorder.codexEvent(delta('m1', large))
      void recorder.hold([], [])
    }
    recorder.codexEvent(message('m1', 'the whole message'))
    const warnings = Array.from({ length: 8 }, () => recorder.hold([], [{ kind: 'warning', data: { message: large } }]))
    const ended = recorder.commit([change('END')], [])
    release()
    const kept = await Promise.allSettled(warnings)
    await ended
    const written = writes.join(' ')
    expect(written.length).toBeLessThan(32 * 1024 * 1024)
    expect(written).toContain('the whole message')
    expect(writes.at(-1)).toContain('END')
    expect(kept[0]?.status).toBe('fulfilled')
    expect(kept.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'STORE_BUSY' } })
  })
})
