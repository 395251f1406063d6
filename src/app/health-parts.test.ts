import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configSchema } from '#contracts'
import { AppError, createFakeClock } from '#kernel'
import { createHealthRegistry } from '#ops'
import { codexPart, httpPart, logPart, storeParts, supervisorPart } from './health-parts.ts'
import { knockAtOwnSocket } from './knock.ts'
import { createFakeVerbs, startTestDoor, tempPlaces, testLimits } from '../../test/support/fake-daemon.ts'
import { holdDatabase } from '../../test/support/hold-database.ts'
import type { Clock } from '#kernel'
import type { Finding } from '#ops'
import type { DaemonHealthDeps } from './health-parts.ts'

let temp: ReturnType<typeof tempPlaces>
let path = ''
beforeEach(() => {
  temp = tempPlaces()
  path = temp.places.socketPath
  mkdirSync(temp.places.runtimeDir, { recursive: true, mode: 0o700 })
})
afterEach(() => temp[Symbol.dispose]())

const settled = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
const knock = (limitMs = 300) => knockAtOwnSocket(path, '1.0.0', limitMs)

/** Another program at the address; what it says to whoever connects. */
async function listen(says: string | undefined): Promise<AsyncDisposable> {
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    socket.resume()
    if (says !== undefined) socket.write(says)
  })
  await new Promise<void>(resolve => void server.listen(path, resolve))
  return { [Symbol.asyncDispose]: () => new Promise(resolve => void server.close(() => resolve())) }
}

describe('the socket', () => {
  it('is healthy when this process answers, and down when another does', async () => {
    await using _door = await startTestDoor(path, createFakeVerbs())
    expect(await knock(5000)).toEqual({ state: 'healthy' })
    rmSync(path)
    await using _other = await startTestDoor(path, createFakeVerbs(), { says: { pid: 1 } })
    expect(await knock(5000)).toMatchObject({ state: 'down', why: `another program listens at ${path}` })
  })

  it('is degraded when it has no place for another client', async () => {
    await using _door = await startTestDoor(path, createFakeVerbs(), { limits: { ...testLimits, maxClients: 0 } })
    expect(await knock(5000)).toMatchObject({ state: 'degraded', why: '0 clients are connected already' })
  })

  it.each([
    ['nothing', (): void => undefined, /was removed; new clients cannot connect/],
    ['a file', () => writeFileSync(path, ''), /is not a socket any more/],
    ['a directory', () => mkdirSync(path), /is not a socket any more/],
    ['a link, wherever it leads', () => symlinkSync('/run/other.sock', path), /is not a socket any more/],
    [
      'a directory that is none',
      () => (rmSync(temp.places.runtimeDir, { recursive: true }), writeFileSync(temp.places.runtimeDir, '')),
      /was removed/,
    ],
  ] as const)('is down with %s in its place', async (_, prepare, why) => {
    prepare()
    expect(await knock()).toMatchObject({ state: 'down', why: expect.stringMatching(why) })
  })

  it.each([
    ['says nothing', undefined, /no answer within 300 ms/],
    ['speaks otherwise', 'HTTP/1.1 400 Bad Request\r\n\r\n', /another program/],
    ['talks without end', 'x'.repeat(200_000), /another program/],
    ['answers without a pid', '{"jsonrpc":"2.0","id":1,"result":{}}\n', /another program/],
  ])('is down when what listens %s', async (_, says, why) => {
    await using _other = await listen(says)
    expect(await knock()).toMatchObject({ state: 'down', why: expect.stringMatching(why) })
  })
})

describe('the store', () => {
  let damage: AppError | undefined
  beforeEach(() => {
    damage = undefined
  })
  const store = (commit: () => Promise<unknown>) =>
    ({
      nodeId: 'node_1',
      settings: { get: async () => ({}) },
      damage: () => damage,
      commit,
    }) as unknown as DaemonHealthDeps['store']

  const partsOf = (which: DaemonHealthDeps['store'], clock: Clock) =>
    storeParts({ store: which, clock, config: configSchema.parse({}), places: temp.places })

  it('whose disk hangs makes no report wait: late, then lost, and one write is under way', async () => {
    const clock = createFakeClock()
    const changes: string[] = []
    let writes = 0
    using health = createHealthRegistry({ clock, onChange: ({ part, to }) => void changes.push(`${part} ${to}`) })
    const hanging = store(() => ((writes += 1), new Promise(() => undefined)))
    for (const part of partsOf(hanging, clock)) health.add(part)
    const report = async () => {
      const told = health.report(1500)
      await settled()
      clock.advance(1500)
      return await told
    }
    expect(await report()).toMatchObject({ state: 'degraded', parts: [{ state: 'healthy' }, { state: 'degraded' }] })
    for (let i = 0; i < 10; i += 1) await report()
    expect((await report()).state).toBe('down')
    expect([writes, changes]).toEqual([1, ['store write degraded', 'store write down']])
  })

  it('that refuses is down, with its reason', async () => {
    const clock = createFakeClock()
    using health = createHealthRegistry({ clock, onChange: () => undefined })
    const full = store(() =>
      Promise.reject(new AppError('STORE_FULL', 'unavailable', 'no room', { hint: 'make some' })),
    )
    for (const part of partsOf(full, clock)) health.add(part)
    expect(await health.report(100)).toMatchObject({
      state: 'down',
      parts: [
        { state: 'healthy' },
        { state: 'down', why: 'no room', cure: 'make some', details: { code: 'STORE_FULL' } },
      ],
    })
  })

  it('that another program holds names it, also while it is waited for', async () => {
    mkdirSync(temp.places.stateDir, { recursive: true, mode: 0o700 })
    await using holder = await holdDatabase(temp.places.storeFile)
    const locked = new AppError('STORE_LOCKED', 'unavailable', 'locked', { hint: 'tandem check' })
    const write = partsOf(
      store(() => Promise.reject(locked)),
      createFakeClock(),
    ).find(({ name }) => name === 'store write')
    const named = {
      code: 'STORE_LOCKED',
      message: expect.stringContaining(`(pid ${holder.pid})`),
      hint: expect.stringContaining(`ps -fp ${holder.pid}`),
    }
    expect(await write?.whyLate?.()).toMatchObject(named)
    await expect(write?.look()).rejects.toMatchObject(named)
  })

  it('that is damaged where these two look at nothing is not healthy', async () => {
    damage = new AppError('STORE_CORRUPT', 'unavailable', 'it is malformed', { hint: 'move it away' })
    for (const part of partsOf(
      store(async () => []),
      createFakeClock(),
    ))
      expect(await part.look()).toMatchObject({
        state: 'degraded',
        why: 'it is malformed',
        cure: 'move it away',
        details: { code: 'STORE_CORRUPT' },
      })
  })
})

describe('codex', () => {
  const described = {
    kind: 'ready',
    version: '0.169.0',
    path: '/bin/codex',
    pid: 7,
    is_tested_version: true,
    tested_range: '0.1 to 0.2',
    detail: null,
  }
  const look = async (description: object, state: object = { kind: 'idle' }): Promise<Finding> => {
    const clock = createFakeClock(1_000_000)
    clock.advance(5000)
    const codex: unknown = {
      state,
      describe: () => ({ ...described, ...description }),
      problem: () => undefined,
      connection: async (): Promise<unknown> => ({ lastByteAtMs: () => 3000 }),
    }
    return codexPart({ codex: codex as DaemonHealthDeps['codex'], clock }).look()
  }

  it('tells when it last answered', async () => {
    const found = await look({}, { kind: 'ready' })
    expect(found).toMatchObject({ state: 'healthy', details: { last_answer_at: 1_003_000, breaker: 'closed' } })
  })

  it.each([
    [{ kind: 'starting' }, 'healthy', /^nothing is wrong$/],
    [{ kind: 'starting', detail: 'answered nothing' }, 'degraded', /not get ready: answered nothing/],
    [{ kind: 'ready', is_tested_version: false }, 'degraded', /0\.169\.0 was not tested.*0\.1 to 0\.2/],
    [{ kind: 'missing', detail: 'no codex at /x' }, 'degraded', /no codex at \/x/],
    [{ kind: 'backing-off', detail: 'exit 3' }, 'degraded', /it died: exit 3/],
    [{ kind: 'broken', detail: 'exit 3' }, 'degraded', /too often.*exit 3/],
    [{ kind: 'stopped' }, 'degraded', /stopped/],
  ])('%j is %s', async (description, state, why) => {
    const found = await look(description)
    expect(found.state).toBe(state)
    expect(found.why ?? 'nothing is wrong').toMatch(why)
  })

  it('tells that the breaker is open, and until when', async () => {
    const found = await look({ kind: 'broken' }, { kind: 'broken', sinceMs: 1, untilMs: 42, lastError: 'x' })
    expect(found.details).toMatchObject({ breaker: 'open', next_try_at: 42, last_answer_at: null })
  })
})

describe('what stands around it', () => {
  it('the log tells why it cannot be written, and where lines go', async () => {
    const log = { check: () => 'it cannot be opened: EROFS', level: () => 'info' } as unknown as DaemonHealthDeps['log']
    expect(await logPart(log, '/x').look()).toMatchObject({
      state: 'degraded',
      why: expect.stringContaining('EROFS; lines go to standard error'),
    })
  })

  it('the log says what is in its place, in the words of the check', async () => {
    const log = {
      check: () => 'it cannot be opened: EISDIR: illegal operation on a directory, open',
      level: () => 'info',
    } as unknown as DaemonHealthDeps['log']
    expect(await logPart(log, temp.places.runtimeDir).look()).toMatchObject({
      why: `the log ${temp.places.runtimeDir} cannot be written: it is not a file; lines go to standard error instead`,
      cure: expect.stringContaining(`mv ${temp.places.runtimeDir} `),
    })
  })

  it('HTTP is degraded only when it was wanted and failed', async () => {
    const error = { code: 'HTTP_PORT_TAKEN', kind: 'conflict' as const, message: 'taken', hint: 'another port' }
    expect(await httpPart(() => ({ kind: 'off' })).look()).toMatchObject({ state: 'healthy' })
    expect(await httpPart(() => undefined).look()).toMatchObject({ state: 'healthy' })
    expect(await httpPart(() => ({ kind: 'failed', error })).look()).toMatchObject({
      state: 'degraded',
      why: 'taken',
      cure: 'another port',
    })
  })

  it('a supervisor is missed only when there was one', async () => {
    let isThere = true
    const part = supervisorPart(() => isThere)
    expect(await part.look()).toMatchObject({ state: 'healthy' })
    isThere = false
    expect(await part.look()).toMatchObject({ state: 'degraded', cure: expect.stringMatching(/tandem (?:up|restart)/) })
    expect(await supervisorPart(() => false).look()).toMatchObject({ state: 'healthy' })
  })
})
