import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient, down, readHealth, stateIdentityOf, strangerAtLock } from '#client'
import { AppError, systemClock } from '#kernel'
import { tempPlaces } from '../../test/support/fake-daemon.ts'
import { startContenders } from '../../test/support/lock-contenders.ts'
import { watchedClock } from './test-harness.ts'
import type { Socket } from 'node:net'
import type { ClientOptions } from '#client'
import type { Places } from '#contracts'
import type { Contender, LockedAs } from '../../test/support/lock-contenders.ts'

/* Other programs where a daemon should be: at its lock, or at its socket. */

let temp: ReturnType<typeof tempPlaces>
let places: Places
let stack: AsyncDisposableStack

beforeEach(() => {
  temp = tempPlaces()
  places = temp.places
  stack = new AsyncDisposableStack()
  for (const directory of [places.stateDir, places.runtimeDir]) mkdirSync(directory, { recursive: true, mode: 0o700 })
})
afterEach(async () => {
  await stack.disposeAsync()
  temp[Symbol.dispose]()
})

const identity = { name: 'test', version: '1.0.0' }
const mustNotBeCalled = (): Promise<never> => Promise.reject(new Error('must not be called'))

const lifecycle = () => ({
  places,
  clock: systemClock,
  identity,
  launch: mustNotBeCalled,
  runDaemon: mustNotBeCalled,
})

function failureOf(more: Partial<ClientOptions> = {}): Promise<unknown> {
  const client = stack.use(createClient({ places, clock: systemClock, identity, patienceMs: 0, ...more }))
  return client.connect().catch((error: unknown) => error)
}

/** A process that holds the lock, started as a daemon is or as something else. */
async function holdLock(as: LockedAs): Promise<Contender> {
  const { all } = stack.use(await startContenders(places.stateDir, { count: 1, waitMs: 0, as }))
  const [one] = all
  if (one === undefined) throw new Error('nobody contends')
  one.tell()
  expect(await one.heard()).toBe('got')
  return one
}

async function giveBack(one: Contender): Promise<void> {
  one.tell()
  expect(await one.heard()).toBe('gone')
}

/** A program that takes whoever connects. */
async function listen(onClient: (socket: Socket) => void): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => undefined))
    onClient(socket)
  })
  server.listen(places.socketPath)
  await once(server, 'listening')
  chmodSync(places.socketPath, 0o600)
  stack.defer(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise<void>(resolve => void server.close(() => resolve()))
  })
}

const silent = (socket: Socket): void => void socket.resume()
const rude = (socket: Socket): void => void socket.destroy()

describe('a lock that is held', () => {
  it('by another program is said soon, with who it is and the cure', async () => {
    const { pid } = await holdLock('stranger')
    const refusal = {
      code: 'LOCK_HELD',
      message: expect.stringContaining(`pid ${pid}`),
      hint: expect.stringContaining(`kill ${pid}`),
    }
    const { clock, hasLooked } = watchedClock()
    const failing = failureOf({ clock, startDaemon: mustNotBeCalled, connectTimeoutMs: 60_000 })
    await hasLooked(4)
    clock.advance(1500)
    expect(await failing).toMatchObject(refusal)
    await expect(down(lifecycle())).rejects.toMatchObject(refusal)
    expect(await readHealth(lifecycle())).toMatchObject({
      state: 'down',
      // Of a daemon.
      pid: null,
      parts: [{ part: 'socket', why: refusal.message, cure: refusal.hint }],
    })
  })

  it('as a whole file by another program is said, too', async () => {
    writeFileSync(places.lockFile, '')
    // A lock of the whole file, as fcntl(2) gives it: struct flock of 64-bit Linux.
    const script = `use Fcntl; open(F, "+<", $ARGV[0]) or die; my $lock = pack("ssx4qqix4", F_WRLCK, 0, 0, 0, 0);
      fcntl(F, F_SETLK, $lock) or die; $| = 1; print "got"; sleep 60`
    const holder = spawn('perl', ['-e', script, places.lockFile], { stdio: ['ignore', 'pipe', 'inherit'] })
    stack.defer(() => void holder.kill('SIGKILL'))
    await once(holder.stdout, 'data')
    expect(strangerAtLock(places.lockFile)).toBe(holder.pid)
  })

  it('by another program for a moment is waited for', async () => {
    const other = await holdLock('stranger')
    const { clock, hasLooked } = watchedClock()
    let starts = 0
    const failing = failureOf({ clock, connectTimeoutMs: 1500, startDaemon: async () => void (starts += 1) })
    await hasLooked(4)
    await giveBack(other)
    await expect.poll(() => starts).toBe(1)
    clock.advance(1500)
    expect(await failing).toMatchObject({ code: 'DAEMON_START_TIMEOUT' })
  })

  it('by a copy of the store is said without a command that ends it', async () => {
    const { pid } = await holdLock('store copy')
    const refusal = {
      code: 'LOCK_HELD',
      message: `tandem store copy (pid ${pid}) works, and no daemon can start meanwhile`,
      hint: 'wait for its end; then: tandem up',
    }
    expect(await failureOf({ startDaemon: mustNotBeCalled, connectTimeoutMs: 300 })).toMatchObject(refusal)
  })

  it('by a copy of the store is waited for longer', async () => {
    const copy = await holdLock('store copy')
    const { clock, hasLooked } = watchedClock()
    const startDaemon = (): Promise<never> => Promise.reject(new AppError('STARTED', 'unavailable', 'it would start'))
    const failing = failureOf({ clock, startDaemon, connectTimeoutMs: 10_000 })
    await hasLooked(4)
    clock.advance(4000)
    await hasLooked(4)
    await giveBack(copy)
    expect(await failing).toMatchObject({ code: 'STARTED' })
  })

  it('by a daemon without a socket is no other program’s', async () => {
    const { pid } = await holdLock('daemon')
    expect(await failureOf({ startDaemon: mustNotBeCalled, connectTimeoutMs: 1500 })).toMatchObject({
      code: 'DAEMON_UNREACHABLE',
      message: expect.stringContaining(`pid ${pid}`),
    })
  })
})

describe('what listens at the address', () => {
  it.each([
    ['says nothing', silent],
    ['hangs up', rude],
  ])('and %s is another program, also while a daemon holds its lock', async (_, onClient) => {
    await holdLock('daemon')
    await listen(onClient)
    expect(await failureOf()).toMatchObject({ code: 'SOCKET_FOREIGN' })
  })

  it('does not keep a daemon that surely is ours from being ended, and nothing else is', async () => {
    await listen(silent)
    await expect(down(lifecycle())).rejects.toMatchObject({ code: 'SOCKET_FOREIGN' })
    const { pid } = await holdLock('daemon')
    const address = { socket: places.socketPath, pid, version: '1.0.0', started_at: 1 }
    writeFileSync(places.addressFile, JSON.stringify(address))
    expect(await down(lifecycle())).toEqual({ kind: 'stopped', pid, running: null, wasForced: true })
  })

  it('is the daemon’s own when it has the lock and listens there, however silent it is', async () => {
    using database = new DatabaseSync(places.lockFile)
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    await listen(silent)
    expect(await failureOf({ connectTimeoutMs: 2500 })).toMatchObject({ code: 'DAEMON_START_TIMEOUT' })
  })

  it('is not another program’s because another one has listened at the path before', async () => {
    const program = `require('node:net').createServer(one => one.resume()).listen(process.argv[1], () => console.log('listens'))`
    const other = spawn(process.execPath, ['-e', program, places.socketPath], { stdio: ['ignore', 'pipe', 'inherit'] })
    stack.defer(async () => {
      other.kill('SIGKILL')
      await once(other, 'exit')
    })
    await once(other.stdout, 'data')
    rmSync(places.socketPath)
    using database = new DatabaseSync(places.lockFile)
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    await listen(silent)
    expect(await failureOf({ connectTimeoutMs: 2500 })).toMatchObject({ code: 'DAEMON_START_TIMEOUT' })
  })

  it('is another program, also where a daemon that was killed has left its address', async () => {
    await listen(silent)
    const address = { socket: places.socketPath, pid: 4_194_304, version: '1.0.0', started_at: 1 }
    const identity = { state_identity: stateIdentityOf(places) }
    writeFileSync(places.addressFile, JSON.stringify({ ...address, ...identity }))
    expect(await failureOf({ connectTimeoutMs: 2500 })).toMatchObject({ code: 'SOCKET_FOREIGN' })
    await expect(down(lifecycle())).rejects.toMatchObject({ code: 'SOCKET_FOREIGN' })
  })

  it('is a daemon that can open nothing more', async () => {
    // It takes every connection to close it at once: that is all that is left to it.
    const program = `
      const { createServer } = require('node:net')
      const { DatabaseSync } = require('node:sqlite')
      const { openSync } = require('node:fs')
      const [lock, socket] = process.argv.slice(1)
      const database = new DatabaseSync(lock)
      database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
      process.umask(0o177)
      createServer(client => client.resume()).listen(socket, () => {
        process.stdout.write('listens\\n')
        process.stdin.once('data', () => {
          try { for (;;) openSync('/dev/null') } catch { process.stdout.write('full\\n') }
        })
      })`
    const words = ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, '-e', program]
    const daemon = spawn('/bin/sh', [...words, places.lockFile, places.socketPath, 'daemon'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    stack.defer(async () => {
      daemon.kill('SIGKILL')
      await once(daemon, 'exit')
    })
    await once(daemon.stdout, 'data')
    daemon.stdin.write('\n')
    await once(daemon.stdout, 'data')
    expect(await failureOf()).toMatchObject({
      code: 'DESCRIPTORS_EXHAUSTED',
      kind: 'busy',
      message: expect.stringContaining(`pid ${daemon.pid}`),
    })
  })
})
