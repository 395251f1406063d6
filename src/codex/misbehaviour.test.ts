import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createFakeClock } from '#kernel'
import { codeOf, isAlive, quick, soon, startFake, watch } from './harness.ts'

/* What comes from a process that misbehaves on purpose, and what is asked of one. */

describe('what comes from the process', () => {
  const noise = `
on = message => {
  raw('this is not json\\n\\n[1,2]\\n')
  send({ jsonrpc: '2.0' })
  send({ id: 9999, result: 'to nobody' })
  send({ method: 'brand/new', params: { threadId: 't1', turnId: 'u1', more: { deep: true } } })
  send({ method: 'item/started', params: { threadId: 't1', turnId: 'u1', item: 'not an object' } })
  send({ method: 'item/completed', params: { threadId: 't1', turnId: 'u1', item: { type: 'holograph', id: 'i1', x: 1 } } })
  send({ method: 'turn/completed', params: { threadId: 't1', turn: { id: 'u1', status: 'evaporated' } } })
  const text = JSON.stringify({ id: message.id, result: { data: [], surprise: 1 } }) + '\\n'
  raw(text.slice(0, 7)); setTimeout(() => raw(text.slice(7)), 20)
}`

  test('is counted and passed on when it is unknown, malformed or in pieces; nothing of it is fatal', async () => {
    await using started = await startFake(noise)
    const connection = await started.host.connection(soon)
    const seen = watch(connection)
    expect(await connection.listModels()).toEqual([])
    const place = { threadId: 't1', codexTurnId: 'u1' }
    expect(seen.events).toEqual([
      { kind: 'other', method: 'brand/new', isMalformed: false, ...place },
      { kind: 'other', method: 'item/started', isMalformed: true, ...place },
      { kind: 'item-completed', item: { kind: 'other', id: 'i1', type: 'holograph' }, ...place },
      { kind: 'turn-completed', status: 'failed', error: null, ...place },
    ])
    expect(connection.counts).toEqual({
      malformedLines: 3,
      malformedMessages: 1,
      unread: { 'brand/new': 1, 'item/started': 1 },
    })
    expect(connection.version).toBe('0.169.7')
  })

  test('is declined when it asks, each in its own shape', async () => {
    const asks = ['item/fileChange/requestApproval', 'item/tool/call', 'execCommandApproval', 'account/new/thing']
    await using started = await startFake(`
const answers = []
on = message => {
  if (message.method !== undefined) return ${JSON.stringify(asks)}.forEach((method, i) => send({ id: 'q' + i, method, params: { threadId: 't1' } }), on.asked = message.id)
  answers.push(message.result ?? message.error.code)
  if (answers.length === ${asks.length}) send({ id: on.asked, error: { code: -1, message: JSON.stringify(answers) } })
}`)
    const connection = await started.host.connection(soon)
    const seen = watch(connection)
    const refused = await connection.listModels().catch((error: unknown) => String(error))
    expect(refused).toContain('[{"decision":"decline"},{"contentItems":[{"type":"inputText"')
    expect(refused).toContain('"success":false},{"decision":"denied"},-32601]')
    expect(seen.events.map(event => event.kind === 'server-request' && event.method)).toEqual(asks)
  })

  test('an answer in an unknown shape is an error of that request only', async () => {
    await using started = await startFake(`on = message => send({ id: message.id, result: { unexpected: true } })`)
    const connection = await started.host.connection(soon)
    expect(await codeOf(connection.listModels())).toBe('CODEX_ANSWER_MALFORMED')
    expect(started.host.state.kind).toBe('ready')
  })

  test('so deep that it could not be written again is not understood, and no more', async () => {
    const body = `on = message => {
      raw('{"method":"account/rateLimits/updated","params":{"rateLimits":{"a":' + '['.repeat(20000) + ']'.repeat(20000) + '}}}\\n')
      send({ id: message.id, result: { data: [] } })
    }`
    await using started = await startFake(body)
    const connection = await started.host.connection(soon)
    const seen = watch(connection)
    expect(await connection.listModels()).toEqual([])
    expect([seen.events, connection.counts.malformedLines]).toEqual([[], 1])
  })

  test('a line without end means a broken process: it is killed', async () => {
    await using started = await startFake(`on = () => raw('x'.repeat(70000))`, {
      limits: { ...quick, maxLineBytes: 65_536 },
    })
    const connection = await started.host.connection(soon)
    expect(await codeOf(connection.listModels())).toBe('CODEX_GONE')
    expect(await connection.closed).toMatchObject({ kind: 'broken' })
    expect(isAlive(connection.pid)).toBe(false)
  })

  test('its last words are kept without control characters', async () => {
    await using started = await startFake(
      `on = () => { process.stderr.write('\\x1b[31mred\\x1b[0m \\x07alarm' + ' '.repeat(9000) + 'the end'); process.exit(3) }`,
    )
    const connection = await started.host.connection(soon)
    const refused = await connection.listModels().catch((error: unknown) => error)
    expect(refused).toMatchObject({
      code: 'CODEX_GONE',
      message: expect.stringContaining('exit code 3: the end') as unknown,
    })
    expect(await connection.closed).toEqual({ kind: 'exited', code: 3, signal: null, stderrTail: 'the end' })
  })
})

describe('requests', () => {
  test('have a bound', async () => {
    await using started = await startFake('on = () => undefined', { limits: { maxPendingRequests: 2 } })
    const connection = await started.host.connection(soon)
    const waiting = [codeOf(connection.listModels()), codeOf(connection.listModels())]
    expect(await codeOf(connection.listModels())).toBe('CODEX_BUSY')
    await started.host.restart('test')
    expect(await Promise.all(waiting)).toEqual(['CODEX_GONE', 'CODEX_GONE'])
  })

  test('that time out while the process still speaks fail alone', async () => {
    const clock = createFakeClock()
    const slowRequestTimeoutMs = 5000
    await using started = await startFake(`on = () => send({ method: 'tick' })`, {
      clock,
      limits: { slowRequestTimeoutMs },
    })
    const connection = await started.host.connection(soon)
    using seen = watch(connection)
    const listed = codeOf(connection.listModels())
    clock.advance(1)
    await seen.until('other')
    // Time enough for the second look, too.
    clock.advance(2 * slowRequestTimeoutMs)
    expect(await listed).toBe('CODEX_REQUEST_TIMEOUT')
    expect(started.host.state.kind).toBe('ready')
  })

  test('that get nothing but silence end the process', async () => {
    await using started = await startFake('on = () => undefined', { limits: { ...quick, slowRequestTimeoutMs: 100 } })
    const connection = await started.host.connection(soon)
    expect(await codeOf(connection.listModels())).toBe('CODEX_HUNG')
    expect(await connection.closed).toMatchObject({ kind: 'hung', method: 'model/list' })
    expect(isAlive(connection.pid)).toBe(false)
    expect((await started.host.connection(soon)).generation).toBe(2)
  })

  const turnThen = (body: string): string => `on = message => {
    if (message.method === 'thread/loaded/list') { ${body} }
    else {
      send({ id: message.id, result: { data: [] } })
      send({ method: 'turn/started', params: { threadId: 't', turn: { id: '1', items: [], status: 'inProgress' } } })
    }
  }`

  test('are made of one that is silent in a turn, so that it is found when it hangs', async () => {
    await using started = await startFake(turnThen(''), { limits: { requestTimeoutMs: 200 } })
    const connection = await started.host.connection(soon)
    expect(await connection.listModels()).toEqual([])
    expect(await connection.closed).toMatchObject({ kind: 'hung', method: 'thread/loaded/list' })
  })

  test('and it goes on when it answers, even with a refusal, until the turn is over', async () => {
    const clock = createFakeClock()
    const requestTimeoutMs = 5000
    const end = `send({ method: 'turn/completed', params: { threadId: 't', turn: { id: '1', items: [], status: 'completed' } } })`
    const answer = `globalThis.asked = (globalThis.asked ?? 0) + 1
      send({ id: message.id, error: { code: -32601, message: 'no' } })
      if (globalThis.asked === 3) ${end}
      send({ method: 'asked/' + globalThis.asked })`
    await using started = await startFake(turnThen(answer), { clock, limits: { requestTimeoutMs } })
    const connection = await started.host.connection(soon)
    using seen = watch(connection)
    await connection.listModels()
    await seen.until('turn-started')
    const asked = ['asked/1', 'asked/2', 'asked/3']
    for (const each of asked) {
      clock.advance(requestTimeoutMs)
      await seen.until('other', event => event.method === each)
      // Whoever waited for the answer has it.
      await setImmediate()
    }
    clock.advance(2 * requestTimeoutMs)
    // It answers in the order in which it is asked.
    await connection.listModels()
    expect(seen.events.flatMap(event => (event.kind === 'other' ? [event.method] : []))).toEqual(asked)
    expect(started.host.state).toMatchObject({ kind: 'ready', pid: connection.pid })
  })
})
