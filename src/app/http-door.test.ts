import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AppError, silentLog, systemClock } from '#kernel'
import { configSchema } from '#contracts'
import { createFakeVerbs, tempPlaces } from '../../test/support/fake-daemon.ts'
import { openHttpDoor } from './http-door.ts'
import { createStopRequest } from './stop-request.ts'
import type { FakeCall, FakeVerbs } from '../../test/support/fake-daemon.ts'
import type { LateHttpDoor } from './http-door.ts'
import type { StopRequest } from './stop-request.ts'

let temp: ReturnType<typeof tempPlaces>
let verbs: FakeVerbs
let stop: StopRequest
let door: LateHttpDoor

beforeEach(() => {
  temp = tempPlaces()
  mkdirSync(temp.places.stateDir, { recursive: true, mode: 0o700 })
  verbs = createFakeVerbs()
  stop = createStopRequest()
  door = openHttpDoor({
    config: configSchema.parse({}),
    places: temp.places,
    version: '1.0.0',
    verbs,
    stop,
    clock: systemClock,
    log: silentLog,
  })
})
afterEach(async () => {
  await door[Symbol.asyncDispose]()
  temp[Symbol.dispose]()
})

async function address(): Promise<string> {
  await expect.poll(() => door.state().kind).toBe('serving')
  const state = door.state()
  return state.kind === 'serving' ? state.url : ''
}

const withToken = () => ({
  authorization: `Bearer ${readFileSync(temp.places.httpTokenFile, 'utf8').trim()}`,
  'content-type': 'application/json',
})

/** Asks, and answers the verb that is called on the way. */
async function asked(request: Promise<Response>, answer: (call: FakeCall) => void): Promise<number> {
  const before = verbs.calls.length
  answer(await verbs.nth(before))
  return (await request).status
}

test.each([
  ['healthy', 200],
  ['degraded', 200],
  ['down', 503],
])('with a store whose writes are %s, readiness is %i', async (state, status) => {
  const url = await address()
  const health = { state: 'degraded', parts: [{ part: 'store write', state }] }
  expect(await asked(fetch(`${url}/readyz`), call => call.answer(health))).toBe(status)
})

test('when health does not answer, or knows of no store, the daemon is not ready', async () => {
  const url = await address()
  expect(await asked(fetch(`${url}/readyz`), call => call.answer({ parts: [] }))).toBe(503)
  const failing = (call: FakeCall) => call.fail(new AppError('STORE_BROKEN', 'unavailable', 'it is broken'))
  expect(await asked(fetch(`${url}/readyz`), failing)).toBe(503)
})

test('while the daemon stops it is not ready and takes no new work, through no way in; looking goes on', async () => {
  const url = await address()
  stop.order({ reason: 'down', graceMs: undefined })
  await stop.ordered
  expect((await fetch(`${url}/readyz`)).status).toBe(503)
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  const body = JSON.stringify({ prompt: 'x', cd: '/p' })
  const refused = await fetch(`${url}/v1/turns`, { method: 'POST', headers: withToken(), body })
  expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining('DAEMON_STOPPING')])
  const mcp = await callTool(url, 'codex', { PROMPT: 'x', cd: '/p' })
  expect(mcp).toContain('DAEMON_STOPPING')
  expect(verbs.calls).toEqual([])
  expect(await asked(fetch(`${url}/v1/status`, { headers: withToken() }), call => call.answer())).toBe(200)
})

test('a door that cannot tell its address is no door', async () => {
  const places = { ...temp.places, httpFile: `${temp.root}/nowhere/http.json` }
  const parts = { config: configSchema.parse({}), version: '1', verbs, stop, clock: systemClock, log: silentLog }
  await using lost = openHttpDoor({ ...parts, places })
  await expect.poll(() => lost.state().kind).toBe('failed')
})

test('says what it does, and is gone when it is closed', async () => {
  expect(door.state()).toEqual({ kind: 'starting' })
  const url = await address()
  expect(door.state()).toMatchObject({ url, calls: 0, sessions: 0 })
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } }
  const begun = await sendMcp(url, { id: 1, method: 'initialize', params })
  await begun.text()
  const session = { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? '', accept: 'text/event-stream' }
  const stream = await fetch(`${url}/mcp`, { headers: { ...withToken(), ...session } })
  expect([stream.status, door.state()]).toMatchObject([200, { sessions: 1 }])
  await stream.body?.cancel()
  await expect.poll(() => door.state()).toMatchObject({ sessions: 0 })
  const closing = door[Symbol.asyncDispose]()
  expect(door.state()).toEqual({ kind: 'off' })
  await closing
  expect(door.state()).toEqual({ kind: 'off' })
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed')
})

test('is closed before it has begun', async () => {
  await door[Symbol.asyncDispose]()
  expect(door.state()).toEqual({ kind: 'off' })
  expect(existsSync(temp.places.httpFile)).toBe(false)
})

const sendMcp = (url: string, message: object, more: object = {}): Promise<Response> =>
  fetch(`${url}/mcp`, {
    method: 'POST',
    headers: { ...withToken(), accept: 'application/json, text/event-stream', ...more },
    body: JSON.stringify({ jsonrpc: '2.0', ...message }),
  })

async function callTool(url: string, name: string, given: object): Promise<string> {
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 't', version: '1' } }
  const begun = await sendMcp(url, { id: 1, method: 'initialize', params })
  await begun.text()
  const session = { 'mcp-session-id': begun.headers.get('mcp-session-id') ?? '' }
  return (await sendMcp(url, { id: 2, method: 'tools/call', params: { name, arguments: given } }, session)).text()
}
