import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createDocsFiles } from './docs-page.ts'
import { openTestDoor, token } from './test-harness.ts'
import type { Socket } from 'node:net'
import type { TestDoor } from './test-harness.ts'

let test: TestDoor
let looks = 0
let look = Promise.withResolvers<boolean>()
beforeEach(async () => {
  looks = 0
  look = Promise.withResolvers<boolean>()
  const isReady = (): Promise<boolean> => {
    looks += 1
    return look.promise
  }
  test = await openTestDoor({ isReady })
})
afterEach(() => test[Symbol.asyncDispose]())

const line = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${test.door.port}\r\nAuthorization: Bearer ${token}\r\n\r\n`

/** A connection whose answers are counted, and noted. */
async function connected(): Promise<{ readonly socket: Socket; readonly answers: () => readonly string[] }> {
  const socket = createConnection({ host: '127.0.0.1', port: test.door.port })
  let text = ''
  socket.on('data', chunk => (text += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return { socket, answers: () => text.split('HTTP/1.1 ').slice(1) }
}

it('requests that are sent without waiting are answered one after the other, in their order', async () => {
  const { socket, answers } = await connected()
  socket.write(line('/v1/status').repeat(3) + line('/healthz'))
  for (const at of [0, 1, 2]) {
    const call = await test.verbs.nth(at)
    expect([test.verbs.calls.length, answers().length]).toEqual([at + 1, at])
    call.answer({ nth: at })
    await expect.poll(() => answers().length).toBeGreaterThan(at)
    expect(answers()[at]).toContain(`{"nth":${at}}`)
  }
  await expect.poll(() => answers()[3]).toMatch(/^200 OK[^]*ok\n$/)
  // And the connection is as good as new.
  socket.write(line('/healthz'))
  await expect.poll(() => answers().length).toBe(5)
  socket.destroy()
})

it('a client that waits for no answer is cut off, and what it sent is not begun', async () => {
  const { socket } = await connected()
  socket.pause()
  socket.write(line('/v1/status').repeat(500))
  const call = await test.verbs.nth(0)
  await expect.poll(() => test.door.clients).toBe(0)
  expect(call.options.signal?.aborted).toBe(true)
  await expect.poll(() => test.door.calls).toBe(0)
  expect([test.verbs.calls.length, test.logged]).toEqual([
    1,
    ['an HTTP client waits for no answer: its connection is closed'],
  ])
})

it('what waits behind a request whose client leaves is not begun', async () => {
  const { socket } = await connected()
  socket.write(line('/v1/status').repeat(3))
  await test.verbs.nth(0)
  socket.destroy()
  await expect.poll(() => test.door.calls).toBe(0)
  await expect.poll(() => test.door.clients).toBe(0)
  expect(test.verbs.calls.length).toBe(1)
})

it('all who ask at once whether the daemon is ready share one look; the next has its own', async () => {
  const asked = Array.from({ length: 20 }, () => test.get('/readyz', {}))
  await expect.poll(() => test.door.clients).toBe(20)
  await expect.poll(() => looks).toBe(1)
  look.resolve(true)
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(20).fill(200))
  // Those whose request came a moment later had the next look.
  const before = looks
  expect(before).toBeLessThan(5)
  look = Promise.withResolvers()
  const failing = test.get('/readyz', {})
  await expect.poll(() => looks).toBe(before + 1)
  look.reject(new Error('broken'))
  expect((await failing).status).toBe(503)
  look = Promise.withResolvers()
  look.resolve(true)
  expect((await test.get('/readyz', {})).status).toBe(200)
})

it('the files of the page are read once, and arrive whole', async () => {
  const { 'swagger-ui-bundle.js': bundle } = createDocsFiles()
  expect(await bundle?.read()).toBe(await bundle?.read())
  const file = readFileSync(new URL('../../node_modules/swagger-ui-dist/swagger-ui-bundle.js', import.meta.url))
  const answers = await Promise.all([1, 2, 3].map(() => test.get('/docs/swagger-ui-bundle.js', {})))
  for (const answer of answers) {
    expect(answer.headers.get('content-length')).toBe(String(file.length))
    expect(file.equals(await answer.bytes())).toBe(true)
  }
  const head = await fetch(`${test.door.url}/docs/swagger-ui-bundle.js`, { method: 'HEAD' })
  expect([head.status, (await head.bytes()).length]).toEqual([200, 0])
})
