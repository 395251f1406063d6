import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient, stateIdentityOf } from '#client'
import { placesOf } from '#contracts'
import { AppError, sleep, systemClock } from '#kernel'
import { startCuttableLink } from '../../test/support/cuttable-link.ts'
import { createFakeVerbs, startTestDoor, tempPlaces, turnAnswer, wireEvent } from '../../test/support/fake-daemon.ts'
import type { Client, ClientOptions } from '#client'
import type { Caller, Places, WireEvent } from '#contracts'
import type { SocketDoor } from '#socket'
import type { FakeVerbs, TestDoorOptions } from '../../test/support/fake-daemon.ts'

let temp: ReturnType<typeof tempPlaces>
let places: Places
let verbs: FakeVerbs
const started: AsyncDisposable[] = []

beforeEach(() => {
  temp = tempPlaces()
  places = temp.places
  verbs = createFakeVerbs()
  for (const directory of [places.stateDir, places.runtimeDir]) mkdirSync(directory, { recursive: true, mode: 0o700 })
})
afterEach(async () => {
  for (const one of started.splice(0).reverse()) await one[Symbol.asyncDispose]()
  temp[Symbol.dispose]()
})

async function startDoor(more: TestDoorOptions = {}, path = places.socketPath): Promise<SocketDoor> {
  const door = await startTestDoor(path, verbs, more)
  started.push(door)
  return door
}

function open(more: Partial<ClientOptions> = {}): Client {
  const client = createClient({
    places,
    clock: systemClock,
    identity: { name: 'test', version: '1.0.0' },
    connectTimeoutMs: 2000,
    patienceMs: 0,
    ...more,
  })
  started.push(client)
  return client
}

const caller: Caller = { door: 'cli' }

describe('a daemon that is killed when one has waited for it for long', () => {
  it('is waited for further, and not taken for another program', async () => {
    const client = open({ connectTimeoutMs: 15_000, startDaemon: async () => undefined })
    const connecting = client.connect()
    connecting.catch(() => undefined)
    // Longer than a program that always hangs up is put up with.
    await sleep(2500)
    const killed = createServer(socket => {
      socket.destroy()
      killed.close()
    })
    await new Promise<void>(resolve => void killed.listen(places.socketPath, resolve))
    chmodSync(places.socketPath, 0o600)
    await once(killed, 'close')
    await startDoor()
    expect(await connecting).toMatchObject({ pid: process.pid })
  })
})
/** Listened to from the start, so that it is never unhandled. */
const failureOf = (answer: Promise<unknown>): Promise<unknown> => answer.catch((error: unknown) => error)
const question = { prompt: 'q', cd: '/x' }

describe('calling', () => {
  it('connects at the first call, once, and answers what the verb answered', async () => {
    const door = await startDoor()
    const client = open()
    const calls = [
      client.call('result', { turn_id: 'a' }, { caller }),
      client.call('result', { turn_id: 'b' }, { caller }),
    ]
    for (const index of [0, 1]) {
      const asked = await verbs.nth(index)
      asked.answer(turnAnswer({ turn_id: String(asked.input['turn_id']) }))
    }
    expect((await Promise.all(calls)).map(answer => answer.turn_id)).toEqual(['a', 'b'])
    expect(door.clients).toBe(1)
  })

  it("rejects with the daemon's own error", async () => {
    await startDoor()
    const answer = open().call('status', {}, { caller })
    ;(await verbs.nth(0)).fail(new AppError('ODD', 'busy', 'full', { hint: 'wait', data: { n: 3 } }))
    await expect(answer).rejects.toMatchObject({
      code: 'ODD',
      kind: 'busy',
      message: 'full',
      hint: 'wait',
      data: { n: 3 },
    })
  })

  it('refuses an answer that is not what the verb answers', async () => {
    await startDoor()
    const answer = open().call('shutdown', {}, { caller })
    ;(await verbs.nth(0)).answer({ pid: 'seven' })
    await expect(answer).rejects.toMatchObject({
      code: 'DAEMON_ANSWER_INVALID',
      message: expect.stringContaining('pid'),
    })
  })

  it('passes events before the answer', async () => {
    await startDoor()
    const seen: WireEvent[] = []
    const answer = open().call('ask', question, { caller, onEvent: event => seen.push(event) })
    const asked = await verbs.nth(0)
    for (const seq of [1, 2, 3]) asked.options.onEvent?.(wireEvent(seq))
    asked.answer(turnAnswer())
    await answer
    expect(seen).toEqual([1, 2, 3].map(seq => wireEvent(seq)))
  })

  it('leaves nothing behind for a caller that had left before it called', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown): void => void unhandled.push(reason)
    process.on('unhandledRejection', note)
    try {
      const client = open()
      const failure = await failureOf(client.call('status', {}, { caller, signal: AbortSignal.abort() }))
      expect(failure).toMatchObject({ code: 'CANCELLED' })
      // Nobody listens there: the attempt to connect fails by itself, after the call.
      await expect(client.connect()).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING' })
      await new Promise(resolve => setImmediate(resolve))
      expect(unhandled).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
    }
  })

  it('detaches when its caller leaves, and keeps the connection', async () => {
    const door = await startDoor()
    const client = open()
    const leaving = new AbortController()
    const answer = client.call('wait', { turn_id: 't' }, { caller, signal: leaving.signal })
    const asked = await verbs.nth(0)
    leaving.abort()
    await expect(answer).rejects.toMatchObject({ code: 'CANCELLED' })
    await expect.poll(() => asked.options.signal?.aborted).toBe(true)
    expect(door.clients).toBe(1)
  })

  it('gives up what waits when it is closed', async () => {
    await startDoor()
    const client = open()
    const answer = client.call('wait', { turn_id: 't' }, { caller })
    const failure = failureOf(answer)
    const asked = await verbs.nth(0)
    await client[Symbol.asyncDispose]()
    expect(await failure).toMatchObject({ code: 'CLIENT_CLOSED' })
    await expect.poll(() => asked.options.signal?.aborted).toBe(true)
    await expect(client.call('status', {}, { caller })).rejects.toMatchObject({ code: 'CLIENT_CLOSED' })
  })
})

describe('a daemon that is not there', () => {
  it('is an error with the cure when nobody may start one', async () => {
    await expect(open().connect()).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING', hint: 'start it: tandem up' })
  })

  it('is started once, also from a stale socket, and then connected to', async () => {
    const dead = await startDoor()
    renameSync(places.socketPath, `${places.socketPath}.kept`)
    await dead[Symbol.asyncDispose]()
    let starts = 0
    const startDaemon = async (): Promise<void> => {
      starts += 1
      void startDoor()
    }
    const client = open({ startDaemon })
    await Promise.all([client.connect(), client.connect(), client.connect()])
    expect(starts).toBe(1)
  })

  it('rejects with what the daemon said about its failed start', async () => {
    writeFileSync(
      `${places.stateDir}/start-error.json`,
      JSON.stringify({ at: 1, pid: 1, error: { code: 'OLD', kind: 'bug', message: '' } }),
    )
    const error = { code: 'CONFIG_INVALID', kind: 'invalid', message: 'config.toml: nonsense', hint: 'correct it' }
    const startDaemon = async (): Promise<void> =>
      writeFileSync(`${places.stateDir}/start-error.json`, JSON.stringify({ at: Date.now(), pid: 1, error }))
    await expect(open({ startDaemon }).connect()).rejects.toMatchObject(error)
  })

  /** A supervisor that ends at once. */
  const brief = async (): Promise<{ readonly pid: number | undefined }> => {
    const child = spawn('/bin/true')
    await once(child, 'exit')
    return { pid: child.pid }
  }

  it('is started again when it ended before it was reached', async () => {
    let starts = 0
    const startDaemon = async () => {
      starts += 1
      if (starts === 3) void startDoor()
      return starts < 3 ? await brief() : { pid: process.pid }
    }
    expect(await open({ startDaemon }).connect()).toMatchObject({ pid: process.pid })
    expect(starts).toBe(3)
  })

  it('is not started for ever, and not again after a failure that it told', async () => {
    let starts = 0
    const again = async () => {
      starts += 1
      return await brief()
    }
    expect(await failureOf(open({ startDaemon: again, connectTimeoutMs: 1000 }).connect())).toMatchObject({
      code: 'DAEMON_START_TIMEOUT',
    })
    expect(starts).toBe(3)
    const failing = async () => {
      const error = { code: 'CONFIG_INVALID', kind: 'invalid', message: 'nonsense' }
      writeFileSync(`${places.stateDir}/start-error.json`, JSON.stringify({ at: Date.now(), pid: 1, error }))
      return await again()
    }
    expect(await failureOf(open({ startDaemon: failing }).connect())).toMatchObject({ code: 'CONFIG_INVALID' })
    expect(starts).toBe(4)
  })

  it('times out with a pointer to the log', async () => {
    const client = open({ startDaemon: async () => undefined, connectTimeoutMs: 150 })
    await expect(client.connect()).rejects.toMatchObject({
      code: 'DAEMON_START_TIMEOUT',
      hint: expect.stringContaining(places.logFile),
    })
  })

  it('rejects with what its start function throws', async () => {
    const startDaemon = (): Promise<void> => Promise.reject(new AppError('NO_SHELL', 'unavailable', 'no sh'))
    await expect(open({ startDaemon }).connect()).rejects.toMatchObject({ code: 'NO_SHELL' })
  })
})

describe('finding the socket', () => {
  it('looks where the daemon wrote that it listens, when the environment says otherwise', async () => {
    await startDoor()
    const elsewhere = placesOf({ ...temp.env, XDG_RUNTIME_DIR: `${temp.root}/other` }, temp.root)
    const address = { socket: places.socketPath, pid: 1, version: '1', started_at: 1 }
    const write = (more: Record<string, string>): void =>
      writeFileSync(places.addressFile, JSON.stringify({ ...address, ...more }))
    // Of another directory, and of an older daemon that does not hold the lock here.
    for (const more of [{ state_identity: '1:1' }, {}]) {
      write(more)
      await expect(open({ places: elsewhere }).connect()).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING' })
    }
    write({ state_identity: stateIdentityOf(places) ?? '' })
    expect(await open({ places: elsewhere }).connect()).toMatchObject({ node_id: 'node_x' })
  })

  it('is not misled by a damaged address', async () => {
    writeFileSync(places.addressFile, '{"socket": 7')
    await expect(open().connect()).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING' })
  })

  it.each([
    ['a directory that others may enter', () => chmodSync(places.runtimeDir, 0o755), /can be entered by others/],
    ['a socket that others may use', () => chmodSync(places.socketPath, 0o666), /is open to others/],
    [
      'a linked socket',
      () => {
        renameSync(places.socketPath, `${places.socketPath}.real`)
        symlinkSync(`${places.socketPath}.real`, places.socketPath)
      },
      /is a link/,
    ],
    [
      'a linked directory',
      () => {
        renameSync(places.runtimeDir, `${places.runtimeDir}.real`)
        symlinkSync(`${places.runtimeDir}.real`, places.runtimeDir)
      },
      /is a link/,
    ],
    [
      'a file in its place',
      () => {
        renameSync(places.socketPath, `${places.socketPath}.real`)
        writeFileSync(places.socketPath, '')
      },
      /is not a socket/,
    ],
  ])('does not speak to %s', async (_, spoil, message) => {
    const door = await startDoor()
    spoil()
    const startDaemon = (): Promise<void> => Promise.reject(new Error('must not be called'))
    await expect(open({ startDaemon }).connect()).rejects.toMatchObject({
      code: 'DAEMON_UNSAFE_SOCKET',
      kind: 'denied',
      message: expect.stringMatching(message),
    })
    expect(door.clients).toBe(0)
  })

  it.runIf(process.getuid?.() === 0)("does not speak to another user's socket", async () => {
    await startDoor()
    chownSync(places.runtimeDir, 12_345, 12_345)
    await expect(open().connect()).rejects.toMatchObject({
      code: 'DAEMON_UNSAFE_SOCKET',
      message: /belongs to user 12345/,
    })
  })
})

describe('a connection that is lost in a call', () => {
  async function startLinked(): Promise<{ readonly cut: () => void }> {
    await startDoor({}, `${places.runtimeDir}/behind.sock`)
    const link = await startCuttableLink(places.socketPath, `${places.runtimeDir}/behind.sock`)
    started.push(link)
    return link
  }

  it('asks again with the same key, so that the turn of the first time is found', async () => {
    const link = await startLinked()
    const answer = open().call('ask', { ...question, wait_ms: 60_000 }, { caller })
    const first = await verbs.nth(0)
    link.cut()
    const second = await verbs.nth(1)
    second.answer(turnAnswer({ turn_id: 'the same' }))
    expect(await answer).toMatchObject({ turn_id: 'the same' })
    expect(first.input['idempotency_key']).toMatch(/^[\da-f-]{36}$/)
    expect(second.input['idempotency_key']).toBe(first.input['idempotency_key'])
    expect(second.input['wait_ms']).toBeLessThan(60_000)
    expect(second.input['wait_ms']).toBeGreaterThan(50_000)
  })

  it("keeps the caller's own key, and gives every other ask one of its own", async () => {
    await startLinked()
    const client = open()
    for (const more of [{ idempotency_key: 'mine' }, {}, {}])
      void client.call('ask', { ...question, ...more }, { caller }).catch(() => 0)
    await verbs.nth(2)
    const keys = verbs.calls.map(call => call.input['idempotency_key'])
    expect(keys).toContain('mine')
    expect(new Set(keys).size).toBe(3)
  })

  it('goes on following a turn after the last event, and passes none twice', async () => {
    const link = await startLinked()
    const seen: number[] = []
    const answer = open().call('wait', { turn_id: 't' }, { caller, onEvent: event => seen.push(event.seq) })
    const first = await verbs.nth(0)
    for (const seq of [4, 5]) first.options.onEvent?.(wireEvent(seq))
    await expect.poll(() => seen).toEqual([4, 5])
    link.cut()
    const second = await verbs.nth(1)
    expect([first.input['cursor'], second.input['cursor']]).toEqual([undefined, 5])
    for (const seq of [4, 5, 6]) second.options.onEvent?.(wireEvent(seq))
    second.answer(turnAnswer())
    await answer
    expect(seen).toEqual([4, 5, 6])
  })

  it('asks for the same page of events again', async () => {
    const link = await startLinked()
    const answer = open().call('events', { cursor: 2 }, { caller })
    await verbs.nth(0)
    link.cut()
    const second = await verbs.nth(1)
    second.answer({ events: [], cursor: 2, has_more: false })
    await answer
    expect(second.input['cursor']).toBe(2)
  })

  it.each(['steer', 'shutdown'] as const)('does not do %s a second time', async verb => {
    const link = await startLinked()
    const client = open()
    const answer =
      verb === 'steer'
        ? client.call(verb, { turn_id: 't', message: 'm' }, { caller })
        : client.call(verb, {}, { caller })
    const failure = failureOf(answer)
    await verbs.nth(0)
    link.cut()
    expect(await failure).toMatchObject({ code: 'DAEMON_CONNECTION_LOST', kind: 'unavailable' })
    expect(verbs.calls).toHaveLength(1)
  })

  it('gives up on a daemon that this call keeps killing', { timeout: 30_000 }, async () => {
    const link = await startLinked()
    const answer = open().call('status', {}, { caller })
    const failure = failureOf(answer)
    for (let index = 0; index <= 8; index += 1) {
      await verbs.nth(index)
      link.cut()
    }
    expect(await failure).toMatchObject({ code: 'DAEMON_CONNECTION_LOST' })
    expect(verbs.calls).toHaveLength(9)
  })

  it.each(['upgrade', 'idle'] as const)('waits for the next daemon after %s, and is told of a stop', async reason => {
    const old = await startDoor()
    const client = open({ connectTimeoutMs: 5000 })
    const answer = client.call('wait', { turn_id: 't' }, { caller })
    await verbs.nth(0)
    old.stopAccepting(reason)
    await old[Symbol.asyncDispose]()
    const next = await startDoor()
    ;(await verbs.nth(1)).answer(turnAnswer())
    expect(await answer).toMatchObject({ success: true })

    const stopped = failureOf(client.call('wait', { turn_id: 't' }, { caller }))
    await verbs.nth(2)
    next.stopAccepting('down')
    await next[Symbol.asyncDispose]()
    expect(await stopped).toMatchObject({ code: 'DAEMON_STOPPING' })
    expect(verbs.calls).toHaveLength(3)
  })

  it('connects anew for the next call after an idle daemon was replaced', async () => {
    const old = await startDoor()
    const client = open()
    await client.connect()
    await old[Symbol.asyncDispose]()
    await startDoor({ says: { node_id: 'node_y' } })
    await expect.poll(async () => (await client.connect()).node_id).toBe('node_y')
  })
})

describe('versions', () => {
  /** A daemon of another version in this process, with a process of its own for its pid. */
  async function startOldDaemon(
    more: TestDoorOptions['says'] = {},
    lingerMs = 0,
  ): Promise<{ readonly startDaemon: () => Promise<void> }> {
    const body = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    const ended = once(body, 'exit')
    started.push({
      async [Symbol.asyncDispose]() {
        body.kill('SIGKILL')
        await ended
      },
    })
    const door = await startDoor({ says: { version: '0.9.0', pid: body.pid ?? 0, ...more } })
    void verbs.nth(0).then(async call => {
      call.answer({ pid: body.pid, running: 0 })
      await door[Symbol.asyncDispose]()
      setTimeout(() => body.kill('SIGKILL'), lingerMs)
    })
    return { startDaemon: async () => void (await startDoor({ says: { version: '1.0.0' } })) }
  }

  it.each([{ running: 0, can_upgrade: false }, { running: 3, can_upgrade: true }, { protocol: 0 }])(
    'a newer client replaces an older daemon that says %j',
    async says => {
      const { startDaemon } = await startOldDaemon(says)
      expect(await open({ startDaemon }).connect()).toMatchObject({ version: '1.0.0' })
      expect(verbs.calls[0]).toMatchObject({ verb: 'shutdown', input: { reason: 'upgrade', grace_ms: 0 } })
    },
  )

  it('gives an older daemon time of its own to end', async () => {
    const { startDaemon } = await startOldDaemon({}, 700)
    expect(await open({ startDaemon, connectTimeoutMs: 500 }).connect()).toMatchObject({ version: '1.0.0' })
  })

  it('says that an older daemon is still at it when that time is over', async () => {
    const { startDaemon } = await startOldDaemon({}, 700)
    const failure = await failureOf(open({ startDaemon, stopTimeoutMs: 200 }).connect())
    expect(failure).toMatchObject({
      code: 'DAEMON_STILL_STOPPING',
      message: expect.stringMatching(/pid \d+\) is still stopping after 200 ms/),
      hint: expect.stringContaining('try again'),
    })
  })

  it.each([
    ['work would be lost', { says: { version: '0.9.0', running: 1, can_upgrade: false } }, true],
    ['it may not start one', { says: { version: '0.9.0' } }, false],
    ['the daemon is newer', { says: { version: '1.0.1' } }, true],
    ['the daemon is the same', { says: { version: '1.0.0' } }, true],
  ] as const)('uses the daemon as it is when %s', async (_, door, mayStart) => {
    await startDoor(door)
    const startDaemon = (): Promise<void> => Promise.reject(new Error('must not be called'))
    expect(await open(mayStart ? { startDaemon } : {}).connect()).toMatchObject(door.says)
    expect(verbs.calls).toEqual([])
  })

  it('does not wait for ever for an older daemon that hangs when it is to stop', async () => {
    await startDoor({ says: { version: '0.9.0' } })
    const startDaemon = (): Promise<void> => Promise.reject(new Error('must not be called'))
    await expect(open({ startDaemon, connectTimeoutMs: 300 }).connect()).rejects.toMatchObject({
      code: 'DAEMON_START_TIMEOUT',
      message: 'the daemon did not answer within 300 ms (the older one does not answer)',
    })
    expect(verbs.calls).toMatchObject([{ verb: 'shutdown' }])
  })

  it('says clearly when a newer daemon speaks another protocol', async () => {
    await startDoor({ says: { protocol: 2, version: '2.0.0' } })
    const startDaemon = (): Promise<void> => Promise.reject(new Error('must not be called'))
    await expect(open({ startDaemon }).connect()).rejects.toMatchObject({
      code: 'DAEMON_PROTOCOL',
      message: 'the daemon 2.0.0 speaks protocol 2, the client 1',
    })
  })
})
