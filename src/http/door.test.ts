import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { AppError } from '#kernel'
import { turnAnswer } from '../../test/support/fake-daemon.ts'
import { boundedVerbs } from './index.ts'
import { bearer, openTestDoor, refusal } from './test-harness.ts'
import type { Refusal, TestDoor } from './test-harness.ts'

let test: TestDoor
beforeEach(async () => void (test = await openTestDoor()))
afterEach(() => test[Symbol.asyncDispose]())

describe('a request to a verb', () => {
  it('gives members of path and query the types of the schema, and answers JSON', async () => {
    const asked = test.get('/v1/events?turn_id=turn_1&cursor=7&limit=3&wait_ms=0', {
      ...bearer,
      'user-agent': 'curl/8',
    })
    const call = await test.verbs.nth(0)
    call.answer({ events: [], cursor: 7, has_more: false })
    expect(call.verb).toBe('events')
    expect(call.input).toEqual({ turn_id: 'turn_1', cursor: 7, limit: 3, wait_ms: 0, follow: false })
    expect(call.options.caller).toEqual({ door: 'http', client: 'curl/8' })
    const answer = await asked
    expect(answer.headers.get('content-type')).toContain('application/json')
    expect(await answer.json()).toEqual({ events: [], cursor: 7, has_more: false })
  })

  it('takes members from path and body, and who asks from the headers', async () => {
    const asked = test.post(
      '/v1/turns/turn_%C3%A4/steer',
      { message: 'mind the gap' },
      { 'tandem-project-dir': '/h%C3%B6me/p', 'tandem-claude-session': 's-1' },
    )
    const call = await test.verbs.nth(0)
    call.answer(turnAnswer())
    expect([call.verb, call.input]).toEqual(['steer', { turn_id: 'turn_ä', message: 'mind the gap' }])
    expect(call.options.caller).toMatchObject({ project_dir: '/höme/p', claude_session_id: 's-1' })
    expect((await asked).status).toBe(200)
  })

  it.each([
    ['a variable that nobody filled in', '${CLAUDE_PROJECT_DIR}'],
    ['a lone percent sign', '/100%'],
    ['bytes that are no UTF-8', '/%ff'],
    ['too much', 'x'.repeat(4097)],
    ['nothing', ''],
  ])('is of nobody in particular when the header that says it has %s, as over MCP', async (_, value) => {
    const asked = test.get('/v1/status', { ...bearer, 'user-agent': 'x', 'tandem-project-dir': value })
    const call = await test.verbs.nth(0)
    call.answer()
    expect((await asked).status).toBe(200)
    expect(call.options.caller).toEqual({ door: 'http', client: 'x' })
  })

  it('takes the key from its header; two that differ are refused', async () => {
    const body = { prompt: 'x', cd: '/p' }
    void test.post('/v1/turns', body, { 'idempotency-key': 'k1' })
    const call = await test.verbs.nth(0)
    call.answer(turnAnswer())
    expect(call.input).toMatchObject({ prompt: 'x', idempotency_key: 'k1', wait_ms: 600_000 })
    const twice = test.post('/v1/turns', { ...body, idempotency_key: 'k2' }, { 'idempotency-key': 'k1' })
    expect(await refusal(await twice)).toEqual([400, 'INPUT_INVALID'])
    expect(await refusal(await test.post('/v1/turns/turn_1/steer', { turn_id: 'turn_2', message: 'x' }))).toEqual([
      400,
      'INPUT_INVALID',
    ])
    expect(test.verbs.calls).toHaveLength(1)
  })

  it.each([
    ['a member that is unknown', '/v1/threads?colour=red', 'colour'],
    ['a number that is none', '/v1/threads?limit=many', 'limit'],
    ['a number that is too large for one', '/v1/threads?limit=99999999999999999999', 'limit'],
    ['a flag that is none', '/v1/threads?archived=perhaps', 'archived'],
    ['a member that is there twice', '/v1/threads?limit=1&limit=2', 'limit'],
    ['a name that objects have of themselves', '/v1/threads?__proto__=1', '__proto__'],
  ])('is refused by the schema with %s', async (_, path, member) => {
    const answer = await test.get(path)
    const { error } = (await answer.json()) as Refusal
    expect([answer.status, error.code]).toEqual([400, 'INPUT_INVALID'])
    expect(error.message).toContain(member)
    // Where a program finds it that has no command line.
    expect(error.hint).toMatch(/^\/docs and \/openapi\.json say what GET \/v1\/\w+ takes$/)
    expect(test.verbs.calls).toEqual([])
  })

  it.each([
    ['invalid', 400],
    ['denied', 403],
    ['missing', 404],
    ['conflict', 409],
    ['busy', 429],
    ['bug', 500],
    ['unavailable', 503],
    ['timeout', 504],
  ] as const)('that fails as %s is answered with %i', async (kind, status) => {
    const asked = test.get('/v1/status')
    const call = await test.verbs.nth(0)
    call.fail(new AppError('CODE_X', kind, 'it failed', { hint: 'do that', data: { n: 1 } }))
    const answer = await asked
    expect(answer.status).toBe(status)
    expect(await answer.json()).toEqual({
      error: { code: 'CODE_X', kind, message: 'it failed', hint: 'do that', data: { n: 1 } },
    })
  })

  it('whose client leaves is detached', async () => {
    const left = new AbortController()
    const asked = fetch(`${test.door.url}/v1/turns/turn_1/wait`, {
      method: 'POST',
      headers: bearer,
      signal: left.signal,
    }).catch(() => 'gone')
    const call = await test.verbs.nth(0)
    const detached = once(call.options.signal ?? new EventTarget(), 'abort')
    left.abort()
    await detached
    expect(await asked).toBe('gone')
  })

  it('has a place among a number of others that is bounded', async () => {
    const open = Array.from({ length: test.limits.maxCalls }, () => test.get('/v1/status'))
    await test.verbs.nth(test.limits.maxCalls - 1)
    expect(await refusal(await test.get('/v1/status'))).toEqual([429, 'HTTP_TOO_MANY_CALLS'])
    for (const call of test.verbs.calls) call.answer()
    await Promise.all(open)
    const again = test.get('/v1/status')
    ;(await test.verbs.nth(test.limits.maxCalls)).answer()
    expect((await again).status).toBe(200)
  })
})

describe('calls that come by another protocol', () => {
  it('are bounded, too, and a place is free again when one was answered or given up', async () => {
    const bounded = boundedVerbs(test.verbs, 2)
    const given = new AbortController()
    const ask = (more: object = {}) => bounded.call('status', {}, { caller: { door: 'mcp' }, ...more })
    const [first, second] = [ask(), ask({ signal: given.signal })]
    await expect(ask()).rejects.toMatchObject({ code: 'HTTP_TOO_MANY_CALLS', kind: 'busy' })
    given.abort()
    await expect(second).rejects.toMatchObject({ code: 'CANCELLED' })
    const third = ask()
    for (const call of test.verbs.calls) call.answer({ ok: 1 })
    expect(await Promise.all([first, third])).toHaveLength(2)
  })
})

describe('a route', () => {
  it('that does not exist, or does not take the method, says so', async () => {
    expect(await refusal(await test.get('/v1/nothing'))).toEqual([404, 'HTTP_ROUTE_UNKNOWN'])
    for (const [path, method, allow] of [
      ['/v1/status', 'POST', 'GET'],
      ['/v1/turns', 'DELETE', 'POST, GET'],
      ['/v1/status', 'HEAD', 'GET'],
      ['/v1/turns/x/wait', 'GET', 'POST'],
      ['/v1/turns', 'OPTIONS', 'POST, GET'],
      ['/mcp', 'PUT', 'GET, POST, DELETE'],
      ['/healthz', 'POST', 'GET, HEAD'],
    ] as const) {
      const answer = await fetch(`${test.door.url}${path}`, { method, headers: bearer })
      expect([path, method, answer.status, answer.headers.get('allow')]).toEqual([path, method, 405, allow])
      expect([...answer.headers.keys()].filter(name => name.startsWith('access-control'))).toEqual([])
    }
    expect(test.verbs.calls).toEqual([])
  })

  it('of health and readiness is open, and tells nothing else', async () => {
    const told = async (path: string): Promise<unknown[]> => {
      const answer = await test.get(path, {})
      return [answer.status, await answer.text()]
    }
    expect(await told('/healthz')).toEqual([200, 'ok\n'])
    expect(await told('/readyz')).toEqual([200, 'ok\n'])
    test.isReady = false
    expect(await told('/readyz')).toEqual([503, 'not ok\n'])
    await using broken = await openTestDoor({ isReady: () => Promise.reject(new Error('secret reason')) })
    const answer = await broken.get('/readyz', {})
    expect([answer.status, await answer.text()]).toEqual([503, 'not ok\n'])
    expect((await fetch(`${test.door.url}/healthz`, { method: 'HEAD' })).status).toBe(200)
  })

  it('of MCP is for those with the token', async () => {
    expect((await test.get('/mcp', {})).status).toBe(401)
    expect(await (await test.get('/mcp')).text()).toBe('mcp got GET')
  })

  it('of the page loads nothing from elsewhere and runs nothing that is written into it', async () => {
    const page = await test.get('/docs', {})
    const text = await page.text()
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/)
    expect(text).not.toMatch(/https?:|<script>|onload|style=/)
    const parts = Array.from(text.matchAll(/(?:href|src)="([^"]+)"/g), ([, path = '']) => path)
    expect(parts).toHaveLength(3)
    for (const path of parts) {
      const part = await test.get(path, {})
      expect([path, part.status, (await part.text()).length > 100]).toEqual([path, 200, true])
    }
    for (const path of ['/docs/package.json', '/docs/..%2f..%2fpackage.json', '/docs/constructor'])
      expect((await test.get(path, {})).status).toBe(404)
  })
})
