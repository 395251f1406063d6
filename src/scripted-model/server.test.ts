import { once } from 'node:events'
import { connect } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { errorShapeOf, messageOf } from '#kernel'
import { rule, say, scenario, startScriptedModel } from './index.ts'
import { bodyFor, post } from './test-client.ts'

const play = scenario('serve', [rule('hi', { lastText: 'hi' }, [say('hello')])])
const start = () => startScriptedModel({ scenario: play })
const json = { 'content-type': 'application/json' }

test('listens on loopback only and accepts any prefix, with or without /v1', async () => {
  await using model = await start()
  expect(model.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  const paths = [
    '/v1/responses',
    '/responses',
    '/a/b/v1/responses?x=1',
    '/v1/messages?beta=true',
    '/messages',
    '/x/messages',
  ]
  for (const path of paths) {
    const got = await post(model.url + path, bodyFor(path.includes('messages') ? 'messages' : 'responses', 'hi'))
    expect([path, got.status]).toEqual([path, 200])
  }
  expect(
    model.requests.map(({ index, dialect, method, rule: name, outcome }) => [index, dialect, method, name, outcome]),
  ).toEqual(paths.map((path, at) => [at, path.includes('messages') ? 'messages' : 'responses', 'POST', 'hi', 'played']))
})

test('answers the small endpoints in the dialect of who asks', async () => {
  await using model = await start()
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(model.url + path, init)
    return { status: response.status, label: response.headers.get('x-tandem-scripted'), text: await response.text() }
  }
  const anthropic = { 'anthropic-version': '2023-06-01' }
  const openaiModels = await get('/v1/models')
  const anthropicModels = await get('/v1/models', { headers: anthropic })
  expect(JSON.parse(openaiModels.text)).toMatchObject({
    object: 'list',
    data: [{ object: 'model', id: 'gpt-5.5' }, {}],
  })
  expect(JSON.parse(anthropicModels.text)).toMatchObject({ has_more: false, data: [{ type: 'model' }, {}] })
  expect(await get('/', { method: 'HEAD' })).toEqual({ status: 200, label: 'serve', text: '' })
  expect(await get('/api/hello', { method: 'HEAD' })).toMatchObject({ status: 200 })
  const unknown = await get('/v1/nothing', { method: 'POST', body: '{}' })
  expect([unknown.status, JSON.parse(unknown.text).error.type]).toEqual([404, 'invalid_request_error'])
  const unknownThere = await get('/v1/nothing', { headers: anthropic })
  expect([unknownThere.status, JSON.parse(unknownThere.text).error.type]).toEqual([404, 'not_found_error'])
  const counted = await post(`${model.url}/v1/messages/count_tokens`, bodyFor('messages', 'x'.repeat(400)))
  expect(JSON.parse(counted.text).input_tokens).toBeGreaterThan(100)
})

test('answers a WebSocket upgrade with 426 at once', async () => {
  await using model = await start()
  const socket = connect(Number(new URL(model.url).port), '127.0.0.1')
  socket.write('GET /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n')
  const [first] = (await once(socket, 'data')) as [Buffer]
  expect(first.toString()).toMatch(/^HTTP\/1\.1 426 /)
  await once(socket, 'close')
  expect(model.requests).toMatchObject([{ rule: 'built-in: upgrade', method: 'GET', outcome: 'error' }])
})

test.each([
  ['gzip', gzipSync],
  ['br', brotliCompressSync],
  ['deflate', deflateSync],
  ['zstd', zstdCompressSync],
] as const)('reads a body compressed with %s', async (encoding, compress) => {
  await using model = await start()
  const body = compress(JSON.stringify(bodyFor('responses', 'hi')))
  const response = await fetch(`${model.url}/v1/responses`, {
    method: 'POST',
    headers: { ...json, 'content-encoding': encoding },
    body,
  })
  expect([response.status, model.requests[0]?.rule]).toEqual([200, 'hi'])
})

test('refuses what it cannot read, in the shape of the dialect', async () => {
  await using model = await start()
  const send = async (body: Buffer | string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${model.url}/v1/messages`, { method: 'POST', headers: { ...json, ...headers }, body })
    const read = (await response.json()) as { type: string; error: { type: string } }
    return [response.status, read.type, read.error.type]
  }
  const bomb = zstdCompressSync(Buffer.alloc(33 * 2 ** 20, 32))
  expect(bomb.length).toBeLessThan(100_000)
  expect([
    await send('{"model":'),
    await send('[1]'),
    await send('{}', { 'content-encoding': 'rot13' }),
    await send('no gzip', { 'content-encoding': 'gzip' }),
    await send(bomb, { 'content-encoding': 'zstd' }),
    await send(Buffer.alloc(33 * 2 ** 20, 32)),
  ]).toEqual([
    ...Array.from({ length: 4 }, () => [400, 'error', 'invalid_request_error']),
    [413, 'error', 'request_too_large'],
    [413, 'error', 'request_too_large'],
  ])
})

test('holds an answer at a gate until it is released, once and for all', async () => {
  const gated = scenario('gates', [rule('gated', {}, [say('before'), { gate: 'go' }, say('after')])])
  await using model = await startScriptedModel({ scenario: gated })
  const ask = () => post(`${model.url}/v1/responses`, bodyFor('responses', 'x', { stream: true }))
  const answer = ask()
  const seen = await model.waitForRequest(request => request.rule === 'gated', { timeoutMs: 5000 })
  expect(seen.outcome).toBe('playing')
  model.release('go')
  expect((await answer).events.at(-1)).toMatchObject({ type: 'response.completed' })
  expect((await ask()).events.at(-1)).toMatchObject({ type: 'response.completed' })
  expect(model.requests.map(request => request.outcome)).toEqual(['played', 'played'])
})

test('an answer ends when its client goes, at a gate or in a delay', async () => {
  const waits = [
    rule('gate', { lastText: 'gate' }, [{ open: true }, { gate: 'never' }]),
    rule('delay', {}, [{ open: true }, { delayMs: 600_000 }]),
  ]
  await using model = await startScriptedModel({ scenario: scenario('waits', waits) })
  for (const prompt of ['gate', 'delay']) {
    const leaving = new AbortController()
    await fetch(`${model.url}/v1/messages`, {
      method: 'POST',
      body: JSON.stringify(bodyFor('messages', prompt, { stream: true })),
      signal: leaving.signal,
    })
    leaving.abort()
    const ended = await model.waitForRequest(request => request.rule === prompt && request.outcome === 'client-gone', {
      timeoutMs: 5000,
    })
    expect(ended.body).toMatchObject({ model: 'claude-opus-5-5' })
  }
})

test('waiting for a request ends at its limit with what was seen, and when the server stops', async () => {
  await using model = await start()
  await post(`${model.url}/v1/messages`, bodyFor('messages', 'hi'))
  await expect(model.waitForRequest(() => false, { timeoutMs: 10 })).rejects.toMatchObject({
    code: 'SCRIPTED_REQUEST_NOT_SEEN',
    data: { seen: ['POST /v1/messages hi played hi'] },
  })
  const waiting = model.waitForRequest(() => false, { timeoutMs: 60_000 }).catch(errorShapeOf)
  await model[Symbol.asyncDispose]()
  expect(await waiting).toMatchObject({ code: 'SCRIPTED_MODEL_STOPPED' })
})

test('stopping cuts open answers, frees the port, and may be done twice', async () => {
  const model = await startScriptedModel({
    scenario: scenario('open', [rule('held', {}, [{ open: true }, { gate: 'never' }])]),
  })
  const answer = post(`${model.url}/v1/responses`, bodyFor('responses', 'x', { stream: true }))
  const failed = answer.catch(messageOf)
  await model.waitForRequest(request => request.rule === 'held', { timeoutMs: 5000 })
  await model[Symbol.asyncDispose]()
  await model[Symbol.asyncDispose]()
  expect(await failed).toMatch(/terminated|fetch failed/)
  const port = Number(new URL(model.url).port)
  await using again = await startScriptedModel({ scenario: play, port })
  expect(again.url).toBe(model.url)
})

test('keeps the last thousand requests', async () => {
  await using model = await start()
  for (let i = 0; i < 5; i += 1) {
    await Promise.all(Array.from({ length: 201 }, () => fetch(model.url, { method: 'HEAD' })))
  }
  expect([model.requests.length, model.requests[0]?.index, model.requests.at(-1)?.index]).toEqual([1000, 5, 1004])
})

test('refuses to start with a scenario that is not one', async () => {
  const wrong = { name: 'x', rules: [{ name: 'r', when: { lastText: '/(/' }, reply: { steps: [] } }] }
  await expect(startScriptedModel({ scenario: wrong })).rejects.toMatchObject({ code: 'SCENARIO_INVALID' })
})
