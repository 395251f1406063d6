import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError, createFakeClock } from '#kernel'
import { turnAnswer, wireEvent } from '../../test/support/fake-daemon.ts'
import { bearer, eventsOf, openTestDoor, refusal } from './test-harness.ts'
import type { AddressInfo } from 'node:net'
import type { Clock } from '#kernel'
import type { TestDoor } from './test-harness.ts'

let test: TestDoor
beforeEach(async () => void (test = await openTestDoor()))
afterEach(() => test[Symbol.asyncDispose]())

describe('a stream of events', () => {
  const sse = { ...bearer, accept: 'text/event-stream' }

  it('has each event with its seq and kind, and the answer at the end', async () => {
    const asked = test.post(
      '/v1/turns',
      { prompt: 'x', cd: '/p' },
      { accept: 'application/json, text/event-stream;q=0.9' },
    )
    const call = await test.verbs.nth(0)
    const response = await asked
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    call.options.onEvent?.(wireEvent(4, 'one\n\nevent: forged'))
    call.options.onEvent?.(wireEvent(9))
    call.answer(turnAnswer())
    expect(await Array.fromAsync(eventsOf(response))).toEqual([
      { id: '4', event: 'message', data: wireEvent(4, 'one\n\nevent: forged') },
      { id: '9', event: 'message', data: wireEvent(9) },
      { event: 'answer', data: turnAnswer() },
    ])
  })

  it('ends with the error of a call that fails, which was refused before it began when the input is wrong', async () => {
    const asked = test.post('/v1/turns/t/wait', {}, { accept: 'text/event-stream' })
    const call = await test.verbs.nth(0)
    call.fail(new AppError('TURN_UNKNOWN', 'missing', 'no turn t'))
    expect(await Array.fromAsync(eventsOf(await asked))).toEqual([
      { event: 'error', data: { error: { code: 'TURN_UNKNOWN', kind: 'missing', message: 'no turn t' } } },
    ])
    expect(await refusal(await test.get('/v1/events?cursor=x', sse))).toEqual([400, 'INPUT_INVALID'])
  })

  it('of events follows from the cursor; where a reader was cut wins over where it began', async () => {
    const first = await test.get('/v1/events?cursor=3', sse)
    expect((await test.verbs.nth(0)).input).toMatchObject({ follow: true, cursor: 3 })
    const again = await test.get('/v1/events?cursor=3', { ...sse, 'last-event-id': '12' })
    expect((await test.verbs.nth(1)).input).toMatchObject({ follow: true, cursor: 12 })
    for (const response of [first, again]) await response.body?.cancel()
    await expect.poll(() => test.verbs.calls.every(call => call.options.signal?.aborted)).toBe(true)
    expect(await refusal(await test.get('/v1/events?follow=true'))).toEqual([400, 'HTTP_STREAM_NEEDED'])
  })

  it('is none for a verb that has no events', async () => {
    const asked = test.get('/v1/status', sse)
    ;(await test.verbs.nth(0)).answer({ ok: 1 })
    expect((await asked).headers.get('content-type')).toContain('application/json')
  })
})

describe('the end of the door', () => {
  it('answers whoever waits, ends the streams, and leaves nothing open', async () => {
    const waiting = test.get('/v1/status')
    await test.verbs.nth(0)
    const streaming = await test.get('/v1/events', { ...bearer, accept: 'text/event-stream' })
    await test.verbs.nth(1)
    const idle = createConnection({ host: '127.0.0.1', port: test.door.port })
    await once(idle, 'connect')
    await test.door[Symbol.asyncDispose]()
    expect(await refusal(await waiting)).toEqual([503, 'DAEMON_STOPPING'])
    expect(await Array.fromAsync(eventsOf(streaming))).toMatchObject([
      { event: 'error', data: { error: { code: 'DAEMON_STOPPING' } } },
    ])
    expect(test.verbs.calls.every(call => call.options.signal?.aborted)).toBe(true)
    await expect(test.get('/healthz')).rejects.toThrow('fetch failed')
    idle.destroy()
  })

  it('is not its beginning: a port that is taken is an error with a cure', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    let timers = 0
    const clock: Clock = {
      ...createFakeClock(),
      after() {
        timers += 1
        return { [Symbol.dispose]: () => void (timers -= 1) }
      },
    }
    await expect(openTestDoor({ port, clock })).rejects.toMatchObject({
      code: 'HTTP_PORT_TAKEN',
      hint: expect.stringContaining(`:${port}`),
    })
    // Nothing of it is left.
    expect(timers).toBe(0)
    other.close()
    await using _door = await openTestDoor({ clock })
    expect(timers).toBe(1)
  })
})
