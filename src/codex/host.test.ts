import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { array, assert, nat, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createFakeClock, systemClock } from '#kernel'
import { eventually, fakeCodex, hostIn, openPlace, realCodex, watch } from './harness.ts'
import { createLineReader } from './lines.ts'
import { createRestartPolicy, defaultRestartLimits } from './restart-policy.ts'
import { identityOf, isSameProcess } from './process-tree.ts'
import type { LogFields } from '#kernel'
import type { HostOptions, Place } from './harness.ts'
import type { CodexHost, CodexState } from './index.ts'

/* Supervision, against programs that misbehave on purpose. */

interface Started extends AsyncDisposable {
  readonly place: Place
  readonly host: CodexHost
  readonly states: readonly string[]
}

async function startFake(body: string, options: HostOptions = {}): Promise<Started> {
  await using stack = new AsyncDisposableStack()
  const place = stack.use(await openPlace())
  const host = stack.use(await hostIn(place, await fakeCodex(place, body), options))
  const states: string[] = []
  stack.use(host.onState(state => states.push(state.kind)))
  const running = stack.move()
  return { place, host, states, [Symbol.asyncDispose]: () => running.disposeAsync() }
}

const soon = { timeoutMs: 10_000 }
const quick = { firstDelayMs: 5, maxDelayMs: 10 }
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error as { readonly code: unknown }).code,
  )
const isAlive = (pid: number): boolean => identityOf(pid) !== null

describe('lines', () => {
  test('come out as they went in, however the bytes are cut', () => {
    const lines = array(string({ unit: 'grapheme' }).map(text => `x${text.replaceAll(/[\r\n]/g, '')}`))
    assert(
      property(lines, array(nat(40)), (all, cuts) => {
        const bytes = Buffer.from(all.map(line => `${line}\n`).join(''))
        const seen: string[] = []
        const reader = createLineReader({
          maxBytes: 10_000,
          onLine: line => seen.push(line),
          onTooLong: () => undefined,
        })
        let at = 0
        for (const cut of cuts) reader.push(bytes.subarray(at, (at += cut)))
        reader.push(bytes.subarray(at))
        expect(seen).toEqual(all)
      }),
    )
  })

  test('a longer one than allowed ends the reading, whole or in parts', () => {
    for (const parts of [['abc\n123456\nzzz\n'], ['abc\n123', '456', '7\nzzz\n']]) {
      const seen: (string | number)[] = []
      const reader = createLineReader({
        maxBytes: 5,
        onLine: line => seen.push(line),
        onTooLong: size => seen.push(size),
      })
      for (const part of parts) reader.push(Buffer.from(part))
      expect(seen).toEqual(['abc', 6])
    }
  })
})

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
    const chatter = `setInterval(() => send({ method: 'tick' }), 20); on = () => undefined`
    await using started = await startFake(chatter, { limits: { slowRequestTimeoutMs: 100 } })
    const connection = await started.host.connection(soon)
    expect(await codeOf(connection.listModels())).toBe('CODEX_REQUEST_TIMEOUT')
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
    const end = `send({ method: 'turn/completed', params: { threadId: 't', turn: { id: '1', items: [], status: 'completed' } } })`
    const answer = `globalThis.asked = (globalThis.asked ?? 0) + 1
      send({ id: message.id, error: { code: -32601, message: 'no' } })
      if (globalThis.asked === 3) ${end}`
    await using started = await startFake(turnThen(answer), { limits: { requestTimeoutMs: 200 } })
    const connection = await started.host.connection(soon)
    using seen = watch(connection)
    await connection.listModels()
    await seen.until('turn-completed')
    expect(started.host.state).toMatchObject({ kind: 'ready', pid: connection.pid })
  })
})

describe('starting', () => {
  test('happens on demand, once for all who ask', async () => {
    await using started = await startFake('')
    expect(started.host.state).toEqual({ kind: 'idle' })
    const [one, two] = await Promise.all([started.host.connection(soon), started.host.connection(soon)])
    expect(one).toBe(two)
    expect(started.host.state).toMatchObject({ kind: 'ready', pid: one.pid, version: '0.169.7', generation: 1 })
    expect(started.states).toEqual(['starting', 'ready'])
  })

  test('gives it the umask that its user has, and keeps ours', async () => {
    const body = `on = message => send({ id: message.id, result: { data: [{ id: process.umask().toString(8) }] } })`
    const before = process.umask(0o077)
    try {
      await using started = await startFake(body, { umask: 0o027 })
      const connection = await started.host.connection(soon)
      expect((await connection.listModels())[0]?.id).toBe('27')
      expect(process.umask()).toBe(0o077)
    } finally {
      process.umask(before)
    }
  })

  test('warm, it happens at once and again after each crash', async () => {
    await using started = await startFake('on = () => process.exit(1)', { isWarm: true, limits: quick })
    await eventually('ready', () => started.host.state.kind === 'ready')
    const first = await started.host.connection(soon)
    expect(await codeOf(first.listModels())).toBe('CODEX_GONE')
    await eventually('ready again', () => started.host.state.kind === 'ready')
    expect((await started.host.connection(soon)).generation).toBe(2)
  })

  test('a program that never answers the handshake is killed, and who waits is told in time', async () => {
    await using place = await openPlace()
    const binary = await fakeCodex(place, '')
    await writeFile(binary.executable, `#!/bin/sh\necho $$ > ${place.home}/pid\nexec sleep 600\n`)
    await using host = await hostIn(place, binary, { limits: { ...quick, startTimeoutMs: 1000 } })
    expect(await codeOf(host.connection({ timeoutMs: 100 }))).toBe('CODEX_START_TIMEOUT')
    await eventually('given up', () => host.state.kind === 'backing-off' || host.state.kind === 'broken')
    const pid = Number(await readFile(join(place.home, 'pid'), 'utf8'))
    expect(isAlive(pid)).toBe(false)
  })

  test('a caller that gives up gets CANCELLED, at once', async () => {
    await using place = await openPlace()
    const binary = await fakeCodex(place, '')
    await writeFile(binary.executable, '#!/bin/sh\nexec sleep 600\n')
    await using host = await hostIn(place, binary, { limits: { startTimeoutMs: 500 } })
    const abort = new AbortController()
    const waiting = codeOf(host.connection({ timeoutMs: 60_000, signal: abort.signal }))
    abort.abort()
    expect(await waiting).toBe('CANCELLED')
  })

  test('a program that is gone or not runnable is said to be so', async () => {
    await using place = await openPlace()
    const binary = await fakeCodex(place, '')
    await chmod(binary.executable, 0o644)
    await using host = await hostIn(place, binary, { limits: { ...quick, maxCrashes: 1 } })
    const error = await host.connection(soon).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'CODEX_BREAKER_OPEN',
      message: expect.stringContaining(binary.path) as unknown,
    })
  })
})

describe('a crash loop', () => {
  test('opens the breaker, answers at once while it is open, and tries one again later', async () => {
    await using place = await openPlace()
    const binary = await fakeCodex(place, '')
    const working = await readFile(binary.executable, 'utf8')
    await writeFile(binary.executable, `#!/bin/sh\necho x >> ${place.home}/starts\necho "no such thing" >&2\nexit 7\n`)
    const states: CodexState[] = []
    await using host = await hostIn(place, binary, { limits: { ...quick, maxCrashes: 3, openMs: 400 } })
    host.onState(state => states.push(state))
    const error = await host.connection(soon).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'CODEX_BREAKER_OPEN',
      kind: 'unavailable',
      data: { lastError: expect.stringContaining('exit code 7: no such thing') as unknown },
    })
    expect(states.map(state => state.kind)).toEqual([
      'starting',
      'backing-off',
      'starting',
      'backing-off',
      'starting',
      'broken',
    ])
    expect(await codeOf(host.connection(soon))).toBe('CODEX_BREAKER_OPEN')
    expect((await readFile(join(place.home, 'starts'), 'utf8')).length).toBe(3 * 2)
    await writeFile(binary.executable, working)
    await eventually('the breaker may be tried', () => host.state.kind === 'broken' && host.state.untilMs < Date.now())
    expect((await host.connection(soon)).version).toBe('0.169.7')
  })

  test('is tried again in time when the wall clock is set back meanwhile', async () => {
    let setBackMs = 0
    const clock = { ...systemClock, now: () => Date.now() - setBackMs }
    const limits = { ...quick, maxCrashes: 1, openMs: 300 }
    await using place = await openPlace()
    const dies = await fakeCodex(place, 'process.exit(3)')
    await using host = await hostIn(place, dies, { limits, clock })
    expect(await codeOf(host.connection(soon))).toBe('CODEX_BREAKER_OPEN')
    setBackMs = 86_400_000
    await fakeCodex(place, '')
    await eventually('a start', () => {
      void host.connection(soon).catch(() => undefined)
      return host.state.kind === 'ready'
    })
  })

  test('is counted within its window, with growing delays', () => {
    const clock = createFakeClock()
    const policy = createRestartPolicy({ clock, limits: defaultRestartLimits, random: () => 1 })
    const verdicts = [1, 2, 3, 4].map(() => policy.crashed())
    expect(verdicts).toEqual([100, 200, 400, 800].map(delayMs => ({ kind: 'retry', delayMs })))
    expect(policy.crashed()).toEqual({ kind: 'open', delayMs: 30_000 })
    clock.advance(30_000)
    expect(policy.crashed()).toEqual({ kind: 'open', delayMs: 30_000 })
    clock.advance(60_000)
    expect(policy.crashed()).toEqual({ kind: 'retry', delayMs: 100 })
  })
})

describe('the log', () => {
  test('names the process of Codex apart from our own, which every line names', async () => {
    const lines: [string, LogFields][] = []
    const note = (fields: LogFields, event: string): void => void lines.push([event, fields])
    await using started = await startFake('', { log: { debug: note, info: note, warn: note, error: note } })
    const { pid, closed } = await started.host.connection(soon)
    await started.host.restart('for the test')
    await closed
    expect(lines.map(([event, fields]) => [event, fields['codexPid'], fields['pid']])).toEqual(
      ['codex ready', 'codex restart asked for', 'codex ended'].map(event => [event, pid, undefined]),
    )
  })
})

describe('stopping', () => {
  test('ends the process gently, and everything after it is refused', async () => {
    await using started = await startFake(`process.stdin.on('end', () => process.exit(0))`)
    const connection = await started.host.connection(soon)
    await started.host[Symbol.asyncDispose]()
    expect(await connection.closed).toEqual({ kind: 'stopped', why: 'tandem is stopping' })
    expect(isAlive(connection.pid)).toBe(false)
    expect(started.host.state).toEqual({ kind: 'stopped' })
    expect(await codeOf(started.host.connection(soon))).toBe('CODEX_UNAVAILABLE')
    expect(started.states).toEqual(['starting', 'ready', 'stopped'])
  })

  test('ends one that listens to nothing, with all that it started', async () => {
    await using started = await startFake(`
process.on('SIGTERM', () => undefined)
setInterval(() => undefined, 1000)
const child = require('node:child_process').spawn('sleep', ['600'], { detached: true })
on = message => send({ id: message.id, result: { data: [{ id: String(child.pid) }] } })`)
    const connection = await started.host.connection(soon)
    const below = Number((await connection.listModels())[0]?.id)
    expect(isAlive(below)).toBe(true)
    await started.host[Symbol.asyncDispose]()
    await eventually('both are gone', () => !isAlive(connection.pid) && !isAlive(below))
  })

  test('during a start leaves nothing behind', async () => {
    await using place = await openPlace()
    const binary = await fakeCodex(place, '')
    const pidFile = join(place.home, 'pid')
    await writeFile(
      binary.executable,
      `#!/bin/sh\necho $$ > ${pidFile}.new\nmv ${pidFile}.new ${pidFile}\nexec sleep 600\n`,
    )
    await using host = await hostIn(place, binary)
    const waiting = codeOf(host.connection({ timeoutMs: 60_000 }))
    await eventually('it runs', () => existsSync(pidFile))
    await host[Symbol.asyncDispose]()
    expect(await waiting).toBe('CODEX_UNAVAILABLE')
    expect(isAlive(Number(await readFile(pidFile, 'utf8')))).toBe(false)
    expect(existsSync(join(place.stateDir, 'codex-child.json'))).toBe(false)
  })
})

describe('what an earlier life left behind', () => {
  const owner = (place: Place, binary: string): string => `
import { startCodexHost } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))}
import { silentLog, systemClock } from ${JSON.stringify(join(import.meta.dirname, '../kernel/index.ts'))}
const host = await startCodexHost({ binary: { path: 'x', executable: ${JSON.stringify(binary)}, source: 'path' }, clock: systemClock, log: silentLog,
  env: { PATH: '/usr/bin:/bin', HOME: ${JSON.stringify(place.codexHome)} }, stateDir: ${JSON.stringify(place.stateDir)} })
console.log((await host.connection({ timeoutMs: 15000 })).pid)
setInterval(() => undefined, 1000)
`

  /** A daemon of its own that holds a process; returns both pids. */
  async function startOwner(place: Place) {
    const script = join(place.home, 'owner.ts')
    await writeFile(script, owner(place, (await realCodex()).executable))
    const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    return { child, codexPid: Number(line.toString()) }
  }

  test('ends by itself when its owner is killed', async () => {
    await using place = await openPlace()
    const { child, codexPid } = await startOwner(place)
    expect(isAlive(codexPid)).toBe(true)
    child.kill('SIGKILL')
    await eventually('the app-server is gone', () => !isAlive(codexPid))
  })

  test('is ended by the next life when it was stopped and could not', async () => {
    await using place = await openPlace()
    const { child, codexPid } = await startOwner(place)
    process.kill(codexPid, 'SIGSTOP')
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(isAlive(codexPid)).toBe(true)
    await using _next = await hostIn(place, await realCodex())
    expect(isAlive(codexPid)).toBe(false)
  })

  test('is left alone when only its number is the same, or the record is damaged', async () => {
    await using place = await openPlace()
    const bystander = spawn('sleep', ['600'])
    try {
      const pid = bystander.pid ?? 0
      const record = join(place.stateDir, 'codex-child.json')
      for (const text of [
        JSON.stringify({ pid, startedAt: 'another-boot:1', mark: randomUUID() }),
        `{"pid":${pid},`,
        '[]',
        '{"pid":-1,"startedAt":"x"}',
      ]) {
        await writeFile(record, text)
        await using _host = await hostIn(place, await realCodex())
        expect(isAlive(pid)).toBe(true)
      }
      const identity = identityOf(pid)
      expect(identity !== null && isSameProcess(identity)).toBe(true)
    } finally {
      bystander.kill('SIGKILL')
    }
  })
})
