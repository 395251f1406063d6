import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, openTestDoor, requestText, token } from './test-harness.ts'
import type { TestDoor } from './test-harness.ts'

let test: TestDoor
beforeAll(async () => void (test = await openTestDoor()))
afterAll(() => test[Symbol.asyncDispose]())

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1])
const codeOf = (answer: string): string | undefined => /"code":"(\w+)"/.exec(answer)?.[1]
const ours = (): string => `Host: 127.0.0.1:${test.door.port}`
const auth = `Authorization: Bearer ${token}`

describe('whom a request is meant for', () => {
  it.each(['127.0.0.1', 'localhost', '[::1]'])('takes %s with the port', async name => {
    const answer = await test.raw(requestText('GET /healthz', [`Host: ${name}:${test.door.port}`]))
    expect(statusOf(answer)).toBe(200)
  })

  it.each([
    ['a name that was made to lead here', () => ['Host: evil.example']],
    ['the same with our port', () => [`Host: evil.example:${test.door.port}`]],
    ['our name without the port', () => ['Host: 127.0.0.1']],
    ['our name with another port', () => ['Host: 127.0.0.1:1']],
    ['a name that only ends in ours', () => [`Host: x.localhost:${test.door.port}`]],
    ['a Host that an address would be cut out of', () => [`Host: 127.0.0.1:${test.door.port}/#@evil.example`]],
    ['one that hides another behind a user name', () => [`Host: 127.0.0.1:${test.door.port}@evil.example`]],
    ['a short form of the address', () => [`Host: 127.1:${test.door.port}`]],
    ['an empty one', () => ['Host: ']],
  ])('refuses %s', async (_, headers) => {
    const answer = await test.raw(requestText('GET /v1/status', [...headers(), auth]))
    expect([statusOf(answer), codeOf(answer)]).toEqual([403, 'HTTP_HOST_REFUSED'])
  })

  it('refuses every such request on the open routes, too', async () => {
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs', '/mcp', '/nothing'])
      expect(statusOf(await test.raw(requestText(`GET ${path}`, ['Host: evil.example', auth])))).toBe(403)
  })

  it.each([
    ['Host', () => [ours(), 'Host: evil.example']],
    ['Host, the other way round', () => ['Host: evil.example', ours()]],
    ['Authorization', () => [ours(), auth, 'Authorization: Bearer other']],
    ['Origin', () => [ours(), auth, `Origin: ${test.door.url}`, 'Origin: https://evil.example']],
    ['Content-Type', () => [ours(), auth, 'Content-Type: application/json', 'content-TYPE: text/plain']],
  ])('refuses two headers %s', async (_, headers) => {
    const answer = await test.raw(requestText('GET /v1/status', headers()))
    expect([statusOf(answer), codeOf(answer)]).toEqual([400, 'HTTP_REQUEST_MALFORMED'])
  })

  it.each([
    ['no Host, which HTTP/1.1 wants', 'GET /healthz HTTP/1.1\r\n\r\n'],
    ['no Host in HTTP/1.0', 'GET /healthz HTTP/1.0\r\n\r\n'],
    ['a whole address in place of a path', 'GET http://evil.example/healthz HTTP/1.1\r\nHost: HOST\r\n\r\n'],
    ['a line folded into a header', 'GET /healthz HTTP/1.1\r\nHost: HOST\r\n evil\r\n\r\n'],
    [
      'a length and a chunked body',
      'POST /v1/turns HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['no HTTP at all', '\x00\x01\x02binary\r\n\r\n'],
  ])('refuses %s', async (_, text) => {
    const answer = await test.raw(text.replace('HOST', `127.0.0.1:${test.door.port}`))
    expect(statusOf(answer)).toBeGreaterThanOrEqual(400)
    expect(statusOf(answer)).toBeLessThan(500)
  })

  it('refuses a foreign Origin, whatever token it has, and says nothing to a page that asks first', async () => {
    for (const origin of [
      'https://evil.example',
      'null',
      'http://127.0.0.1:1',
      `https://127.0.0.1:${test.door.port}`,
    ]) {
      const answer = await test.get('/v1/status', { ...bearer, origin })
      expect([origin, answer.status]).toEqual([origin, 403])
    }
    const preflight = await test.raw(
      requestText('OPTIONS /v1/turns', [ours(), 'Origin: https://evil.example', 'Access-Control-Request-Method: POST']),
    )
    expect(statusOf(preflight)).toBe(403)
    expect(preflight.toLowerCase()).not.toContain('access-control')
  })

  it('takes the page that it serves itself', async () => {
    const call = test.verbs.nth(0)
    const asked = test.get('/v1/status', { ...bearer, origin: test.door.url })
    ;(await call).answer({ ok: true })
    expect((await asked).status).toBe(200)
  })
})

describe('who may ask', () => {
  const before = (): number => test.verbs.calls.length

  it.each([
    ['none', {}],
    ['an empty one', { authorization: '' }],
    ['another', { authorization: 'Bearer x' }],
    ['a start of it', { authorization: `Bearer ${token.slice(0, -1)}` }],
    ['more than it', { authorization: `Bearer ${token}x` }],
    ['the bare token', { authorization: token }],
    ['another scheme', { authorization: `Basic ${token}` }],
    ['one in a cookie', { cookie: `token=${token}` }],
  ])('is refused with %s', async (_, headers) => {
    const calls = before()
    for (const path of ['/v1/status', '/v1/events', '/mcp', '/nothing', '/v1/', '//v1/status', '/docs/../v1/status']) {
      const answer = await test.get(path, headers)
      expect([path, answer.status, answer.headers.get('www-authenticate')]).toEqual([
        path,
        401,
        'Bearer realm="tandem"',
      ])
    }
    expect(before()).toBe(calls)
  })

  it('is told where the token is, and not what it is', async () => {
    const answer = await test.get('/v1/status', {})
    const text = await answer.text()
    expect(text).toContain('cat /state/http.token')
    expect(text).not.toContain(token)
  })

  it.each([
    '/docs/../v1/status',
    '/docs/%2e%2e/v1/status',
    '/docs/..%2fv1/status',
    '/healthz/../v1/status',
    '//v1/status',
    '/openapi.json/../v1/status',
  ])('gets nothing but open pages without a token, however the path is spelled: %s', async path => {
    const calls = before()
    const answer = await test.raw(requestText(`GET ${path}`, [ours()]))
    expect([401, 404]).toContain(statusOf(answer))
    expect(before()).toBe(calls)
  })

  it('a form of a foreign page, which asks nobody first, changes nothing', async () => {
    const calls = before()
    const body = 'prompt=x&cd=/tmp'
    const form = (more: readonly string[]): string =>
      [
        'POST /v1/turns HTTP/1.1',
        ours(),
        `Content-Length: ${body.length}`,
        'Connection: close',
        ...more,
        '',
        body,
      ].join('\r\n')
    const type = 'Content-Type: application/x-www-form-urlencoded'
    expect(statusOf(await test.raw(form([type, 'Origin: https://evil.example', ''])))).toBe(403)
    expect(statusOf(await test.raw(form([type, ''])))).toBe(401)
    // Even a page that had the token could not send a form.
    expect(codeOf(await test.raw(form([type, auth, ''])))).toBe('HTTP_BODY_TYPE')
    expect(before()).toBe(calls)
  })
})
