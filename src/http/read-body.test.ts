import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { turnAnswer } from '../../test/support/fake-daemon.ts'
import { bearer, openTestDoor, refusal, token } from './test-harness.ts'
import type { TestDoor } from './test-harness.ts'

let test: TestDoor
beforeEach(async () => void (test = await openTestDoor()))
afterEach(() => test[Symbol.asyncDispose]())

describe('a body', () => {
  const deep = (levels: number): string =>
    `{"prompt":"x","cd":"/p","output_schema":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`

  it('may have a schema as deep as schemas are', async () => {
    const asked = test.post('/v1/turns', deep(100))
    ;(await test.verbs.nth(0)).answer(turnAnswer())
    expect((await asked).status).toBe(200)
  })

  it('of which no depth is a fault of ours', async () => {
    await using large = await openTestDoor({ limits: { ...test.limits, maxBodyBytes: 8_000_000 } })
    expect(await refusal(await large.post('/v1/turns', deep(1_000_000)))).toEqual([400, 'HTTP_BODY_MALFORMED'])
    expect(large.logged).toEqual([])
  })

  it.each([
    ['without a type', '{}', { 'content-type': '' }, 415, 'HTTP_BODY_TYPE'],
    ['of another type', '{}', { 'content-type': 'text/plain' }, 415, 'HTTP_BODY_TYPE'],
    [
      'of a type that only contains ours',
      '{}',
      { 'content-type': 'text/plain; a=application/json' },
      415,
      'HTTP_BODY_TYPE',
    ],
    ['that is not JSON', '{"prompt": ', {}, 400, 'HTTP_BODY_MALFORMED'],
    ['that is a list', '[1]', {}, 400, 'HTTP_BODY_MALFORMED'],
    ['that is null', 'null', {}, 400, 'HTTP_BODY_MALFORMED'],
    ['that is nested deeply', `{"prompt":${'['.repeat(40_000)}${']'.repeat(40_000)}}`, {}, 400, 'HTTP_BODY_MALFORMED'],
    ['that would be a prototype', '{"prompt":"x","cd":"/p","__proto__":{"yolo":true}}', {}, 400, 'INPUT_INVALID'],
    ['that is empty where members are needed', '', {}, 400, 'INPUT_INVALID'],
    ['with a schema that is nested deeply', deep(16_000), {}, 400, 'HTTP_BODY_MALFORMED'],
    ['with a schema that is nested a little too deeply', deep(101), {}, 400, 'INPUT_INVALID'],
  ])('%s is refused', async (_, body, headers, ...refused) => {
    expect(await refusal(await test.post('/v1/turns', body, headers))).toEqual(refused)
    expect(test.verbs.calls).toEqual([])
  })

  it('is where the members of a POST stand: what is in the query would be lost', async () => {
    const answer = await test.post('/v1/turns?sandbox=read-only', { prompt: 'x', cd: '/p' })
    expect(await refusal(answer)).toEqual([400, 'HTTP_REQUEST_MALFORMED'])
    expect(test.verbs.calls).toEqual([])
  })

  it('that is not UTF-8 is refused', async () => {
    const body = Buffer.concat([Buffer.from('{"prompt":"'), Buffer.from([0xff, 0xfe]), Buffer.from('","cd":"/p"}')])
    const headers = { ...bearer, 'content-type': 'application/json' }
    const answer = await fetch(`${test.door.url}/v1/turns`, { method: 'POST', headers, body })
    expect(await refusal(answer)).toEqual([400, 'HTTP_BODY_MALFORMED'])
  })

  it('that is too long is refused by its length, or as soon as it is', async () => {
    const long = JSON.stringify({ prompt: 'x'.repeat(200_000), cd: '/p' })
    expect(await refusal(await test.post('/v1/turns', long))).toEqual([413, 'HTTP_BODY_TOO_LARGE'])
    const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`
    const head = `POST /v1/turns HTTP/1.1\r\nHost: 127.0.0.1:${test.door.port}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`
    // No end of it ever comes.
    expect(await test.raw(head + chunk.repeat(30))).toMatch(/^HTTP\/1\.1 413 /)
    expect(test.verbs.calls).toEqual([])
  })
})
