import { isDeepStrictEqual } from 'node:util'
import {
  array,
  assert,
  asyncProperty,
  constantFrom,
  dictionary,
  json,
  jsonValue,
  oneof,
  stringMatching,
  tuple,
  uint8Array,
} from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { verbs } from '#contracts'
import { turnAnswer } from '../../test/support/fake-daemon.ts'
import { openTestDoor, token } from './test-harness.ts'
import type { TestDoor } from './test-harness.ts'

let test: TestDoor
beforeAll(async () => {
  const limits = { maxConnections: 500, maxCalls: 20, maxBodyBytes: 10_000, maxOutgoingBytes: 100_000 }
  test = await openTestDoor({ limits: { ...limits, headersTimeoutMs: 200, requestTimeoutMs: 200 } })
})
afterAll(() => test[Symbol.asyncDispose]())

/** What reached a verb or broke in us, and whether the next one is served. */
const harm = async (): Promise<unknown> => [test.verbs.calls, test.logged, (await test.get('/healthz', {})).status]
const none = [[], [], 200]

const members = Object.keys(verbs.ask.input.shape)
const others = members.filter(name => name !== 'prompt' && name !== 'cd')

it('bytes of any kind reach no verb and break nothing', { timeout: 60_000 }, async () => {
  const noise = uint8Array({ maxLength: 300 }).map(bytes => Buffer.concat([bytes, Buffer.from('\r\n\r\n')]))
  await assert(
    asyncProperty(noise, async bytes => {
      await test.raw(bytes)
    }),
    { numRuns: 40 },
  )
  expect(await harm()).toEqual(none)
})

it('no header, path or method without the token reaches a verb', { timeout: 60_000 }, async () => {
  const word = stringMatching(/^[!-~]{0,20}$/)
  const line = tuple(
    constantFrom('GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY'),
    array(
      constantFrom(
        '/',
        'v1',
        'status',
        'turns',
        '..',
        '.',
        '%2e%2e',
        '%2f',
        'docs',
        'mcp',
        '\\',
        ';',
        '?',
        '#',
        '@',
        '//',
      ),
      {
        minLength: 1,
        maxLength: 8,
      },
    ),
    array(
      tuple(
        constantFrom('Authorization', 'Origin', 'Cookie', 'X-Forwarded-Host', 'Accept', 'X-HTTP-Method-Override'),
        word,
      ),
      {
        maxLength: 4,
      },
    ),
  )
  await assert(
    asyncProperty(line, async ([method, path, headers]) => {
      const named = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
      const host = `Host: 127.0.0.1:${test.door.port}\r\n`
      const answer = await test.raw(`${method} /${path.join('')} HTTP/1.1\r\n${host}${named}Connection: close\r\n\r\n`)
      expect(answer).toMatch(/^HTTP\/1\.1 (?:2\d\d|4\d\d) /)
      expect(answer).not.toContain(token)
    }),
    { numRuns: 150 },
  )
  expect(await harm()).toEqual(none)
})

it('bodies of any JSON are refused', { timeout: 60_000 }, async () => {
  await assert(
    asyncProperty(json({ maxDepth: 4 }), async body => {
      const answer = await test.post('/v1/turns', body)
      expect([400, 413]).toContain(answer.status)
      await answer.text()
    }),
    { numRuns: 30 },
  )
  expect(await harm()).toEqual(none)
})

it(
  'what stands beside prompt and directory is refused, or reaches the verb as its schema has it',
  { timeout: 60_000 },
  async () => {
    await using answering = await openTestDoor()
    const hostile = oneof(
      jsonValue({ maxDepth: 2 }),
      constantFrom('x', '', true, 0, -1, 1e21, [], {}, ['x'], { a: [1] }),
    )
    const more = dictionary(constantFrom(...others, '__proto__', 'constructor', 'Prompt', ''), hostile, { maxKeys: 3 })
    let reached = 0
    await assert(
      asyncProperty(more, async given => {
        // As text: a member `__proto__` is one, then.
        const rest = Object.entries(given).map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
        const outcome = await outcomeOf(answering, `{"prompt":"x","cd":"/p"${rest.join('')}}`)
        if (outcome === fits) reached += 1
        expect([fits, refused]).toContainEqual(outcome)
      }),
      { numRuns: 300 },
    )
    // Both happen, or this would show nothing.
    expect([reached > 20, reached < 280, answering.logged]).toEqual([true, true, []])
  },
)

const refused = 'refused with 400'
const fits = 'reached the verb'

/** One of these two, or what is wrong. */
async function outcomeOf(on: TestDoor, body: string): Promise<unknown> {
  const asked = on.post('/v1/turns', body)
  const call = await Promise.race([on.verbs.nth(on.verbs.calls.length), asked.then(() => undefined)])
  call?.answer(turnAnswer())
  const { status } = await asked
  if (call === undefined) return status === 400 ? refused : status
  const { input } = call
  // Parsing it once more changes nothing: defaults are there, and nothing else came along.
  const isWhole = isDeepStrictEqual(verbs.ask.input.safeParse(input).data, input)
  const isOurs = input['prompt'] === 'x' && input['cd'] === '/p'
  return isWhole && isOurs && status === 200 ? fits : { status, input }
}
