import { once } from 'node:events'
import { createConnection } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { wireEvent } from '../../test/support/fake-daemon.ts'
import { openTestDoor, token } from './test-harness.ts'
import type { TestDoor } from './test-harness.ts'

let test: TestDoor
beforeEach(async () => void (test = await openTestDoor()))
afterEach(() => test[Symbol.asyncDispose]())

describe('slow clients', () => {
  it('get no more time for headers and body than there is', async () => {
    await using slow = await openTestDoor({ limits: { ...test.limits, headersTimeoutMs: 300, requestTimeoutMs: 600 } })
    const host = `Host: 127.0.0.1:${slow.door.port}`
    expect(await slow.raw(`GET /healthz HTTP/1.1\r\n${host}\r\nX-Slow: `)).toMatch(/^HTTP\/1\.1 408 /)
    const body = `POST /v1/turns HTTP/1.1\r\n${host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"pro`
    await slow.raw(body)
    expect(slow.verbs.calls).toEqual([])
    expect(slow.door.calls).toBe(0)
    expect(slow.logged).toEqual([])
  })

  it('that read nothing of a stream are cut at the bound, and the call is detached', async () => {
    const socket = createConnection({ host: '127.0.0.1', port: test.door.port })
    socket.pause()
    socket.on('error', () => undefined)
    socket.write(
      `GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1:${test.door.port}\r\nAuthorization: Bearer ${token}\r\nAccept: text/event-stream\r\n\r\n`,
    )
    const call = await test.verbs.nth(0)
    const signal = call.options.signal ?? new AbortController().signal
    let sent = 0
    // What the kernel takes comes first; then what waits is bounded.
    while (!signal.aborted && sent < 100_000) {
      sent += 1
      call.options.onEvent?.(wireEvent(sent, 'x'.repeat(5000)))
      if (sent % 20 === 0) await new Promise(resolve => setImmediate(resolve))
    }
    expect(signal.aborted).toBe(true)
    expect(test.logged).toContain('a client does not read its events: its connection is closed')
    await expect.poll(() => test.door.clients).toBe(0)
    socket.destroy()
  })

  it('that take nothing of an answer are cut', async () => {
    await using slow = await openTestDoor({ limits: { ...test.limits, stallMs: 100 } })
    const socket = createConnection({ host: '127.0.0.1', port: slow.door.port })
    socket.pause()
    socket.on('error', () => undefined)
    socket.write(
      `GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1:${slow.door.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    )
    ;(await slow.verbs.nth(0)).answer({ text: 'x'.repeat(30_000_000) })
    await expect.poll(() => slow.door.clients, { timeout: 10_000 }).toBe(0)
    expect(slow.logged).toContain('an HTTP client takes nothing: its connection is closed')
    socket.destroy()
  })

  it('that are too many are turned away, and are no harm to those that are there', async () => {
    await using small = await openTestDoor({ limits: { ...test.limits, maxConnections: 2 } })
    const sockets = [1, 2, 3].map(() => createConnection({ host: '127.0.0.1', port: small.door.port }))
    const ends = sockets.map(socket => once(socket, 'close').then(() => 'closed'))
    expect(await Promise.race(ends)).toBe('closed')
    expect(small.door.clients).toBe(2)
    for (const socket of sockets) socket.destroy()
    await expect.poll(() => small.door.clients).toBe(0)
    expect((await small.get('/healthz')).status).toBe(200)
  })
})
