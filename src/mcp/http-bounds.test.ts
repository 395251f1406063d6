import { describe, expect, test } from 'vitest'
import { turnAnswer, wireEvent } from '../../test/support/fake-daemon.ts'
import { begin, call, firstId, handlersForEach, hello, messagesIn, post, refusal, url } from './test-http-handler.ts'

const open = handlersForEach()

describe('bounds', () => {
  test('an idle session is closed, one with an open stream is not', async () => {
    const { handler, clock } = open({ idleMs: 100_000 })
    await begin(handler)
    const headers = await begin(handler)
    const stream = await handler.handle(new Request(url, { headers: { ...headers, accept: 'text/event-stream' } }))
    clock.advance(200_000)
    expect(handler.sessions).toBe(1)
    await stream.body?.cancel()
    clock.advance(200_000)
    expect(handler.sessions).toBe(0)
  })

  test('the one that is idle for longest makes room; when none is idle, a further one is refused', async () => {
    const { handler, clock } = open({ maxSessions: 2 })
    const first = await begin(handler)
    clock.advance(10)
    const second = await begin(handler)
    await begin(handler)
    expect(handler.sessions).toBe(2)
    expect((await post(handler, { id: 2, method: 'ping' }, first)).status).toBe(404)
    const kept = await post(handler, { id: 2, method: 'ping' }, second)
    await kept.text()
    const { handler: full } = open({ maxSessions: 1 })
    const headers = await begin(full)
    const stream = await full.handle(new Request(url, { headers: { ...headers, accept: 'text/event-stream' } }))
    expect(await refusal(await post(full, hello))).toEqual([503, -32_000])
    await stream.body?.cancel()
    expect((await post(full, hello)).status).toBe(200)
  })

  test('however many begin at once, there are no more sessions than there may be', async () => {
    const { handler } = open({ maxSessions: 3 })
    const responses = await Promise.all(Array.from({ length: 20 }, () => post(handler, hello)))
    // None of their streams was over when the next began.
    const statuses = responses.map(({ status }) => status)
    expect(statuses.filter(status => status === 200)).toHaveLength(3)
    expect(new Set(statuses)).toEqual(new Set([200, 503]))
    expect([handler.sessions, handler.sessionsInUse]).toEqual([3, 3])
    for (const response of responses) await response.body?.cancel()
    expect([handler.sessions, handler.sessionsInUse]).toEqual([3, 0])
  })

  test('what begins no session makes none go', async () => {
    const { handler } = open({ maxSessions: 1 })
    const headers = await begin(handler)
    const bad = [{ id: 2, method: 'ping' }, { ...hello, params: {} }, 'no json', { id: 3, result: {} }]
    for (const message of bad) expect((await post(handler, message)).status).toBe(400)
    expect((await post(handler, { id: 2, method: 'ping' }, headers)).status).toBe(200)
  })

  test.each([
    ['answered', -1],
    ['given up', 7],
  ])('a session whose client is away is in use until its call is %s', async (_, cancelled) => {
    const { handler, verbs, clock } = open({ maxSessions: 1, idleMs: 100_000 })
    const headers = await begin(handler)
    const waiting = await post(handler, call(7, 'codex', { PROMPT: 'x', cd: '/p' }), headers)
    const made = await verbs.nth(0)
    await waiting.body?.cancel()
    expect(await refusal(await post(handler, hello))).toEqual([503, -32_000])
    clock.advance(1_000_000)
    expect([handler.sessions, handler.sessionsInUse, made.options.signal?.aborted]).toEqual([1, 1, false])
    if (cancelled === -1) made.answer(turnAnswer())
    else await post(handler, { method: 'notifications/cancelled', params: { requestId: cancelled } }, headers)
    await expect.poll(() => handler.sessionsInUse).toBe(0)
    // It has its time from then on.
    clock.advance(90_000)
    expect(handler.sessions).toBe(1)
    clock.advance(100_000)
    expect(handler.sessions).toBe(0)
  })

  test('a client that does not read what its call says is cut off; it comes back for the answer', async () => {
    const { handler, verbs, clock, cuts } = open({ maxWaitingBytes: 5000 })
    const headers = await begin(handler)
    const asked = { ...call(7, 'codex', { PROMPT: 'x', cd: '/p' }).params, _meta: { progressToken: 'p' } }
    const { body } = await post(handler, { id: 7, method: 'tools/call', params: asked }, headers)
    if (body === null) throw new Error('no body')
    const made = await verbs.nth(0)
    const reader = body.getReader()
    const cursor = firstId((await reader.read()).value)
    for (let seq = 1; seq < 200 && cuts.length === 0; seq += 1) {
      made.options.onEvent?.(wireEvent(seq, 'x'.repeat(100)))
      clock.advance(300)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(cuts).toEqual([url])
    // What was too much is not held for it.
    await reader.read()
    expect((await reader.read()).done).toBe(true)
    expect(made.options.signal?.aborted).toBe(false)
    made.answer(turnAnswer())
    await expect.poll(() => handler.sessionsInUse).toBe(0)
    const back = { ...headers, accept: 'text/event-stream', 'last-event-id': cursor }
    const { messages } = await messagesIn(await handler.handle(new Request(url, { headers: back })))
    expect(messages.at(-1)).toMatchObject({ id: 7, result: { structuredContent: { success: true } } })
  })

  test('closing ends every stream and detaches every call', async () => {
    const { handler, verbs } = open()
    const headers = await begin(handler)
    const waiting = await post(handler, call(7, 'codex', { PROMPT: 'x', cd: '/p' }), headers)
    const made = await verbs.nth(0)
    await handler[Symbol.asyncDispose]()
    await waiting.text()
    expect(made.options.signal?.aborted).toBe(true)
    expect(await refusal(await post(handler, hello))).toEqual([503, -32_000])
  })
})
