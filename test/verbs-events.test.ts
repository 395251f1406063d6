import { describe, expect, it } from 'vitest'
import type { WireEvent } from '#contracts'
import { inputOf, openVerbs } from './support/verbs-bench.ts'

describe('events of the verbs', () => {
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
})
