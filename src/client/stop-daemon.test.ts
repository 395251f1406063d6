import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { down, up } from '#client'
import { systemClock } from '#kernel'
import { createFakeVerbs, startTestDoor, tempPlaces } from '../../test/support/fake-daemon.ts'
import { startContenders } from '../../test/support/lock-contenders.ts'
import { watchedClock } from './test-harness.ts'
import type { LifecycleDeps } from '#client'
import type { SocketDoor } from '#socket'
import type { FakeVerbs, TestDoorOptions } from '../../test/support/fake-daemon.ts'

let temp: ReturnType<typeof tempPlaces>
let verbs: FakeVerbs
let stack: AsyncDisposableStack

beforeEach(() => {
  temp = tempPlaces()
  verbs = createFakeVerbs()
  stack = new AsyncDisposableStack()
  for (const directory of [temp.places.stateDir, temp.places.runtimeDir])
    mkdirSync(directory, { recursive: true, mode: 0o700 })
})
afterEach(async () => {
  await stack.disposeAsync()
  temp[Symbol.dispose]()
})

const lifecycle = (more: Partial<LifecycleDeps> = {}): LifecycleDeps => ({
  places: temp.places,
  clock: systemClock,
  identity: { name: 'test', version: '1.0.0' },
  launch: () => Promise.reject(new Error('must not be called')),
  runDaemon: () => Promise.reject(new Error('must not be called')),
  ...more,
})

/** A daemon in this process that has a process of its own for its pid. */
async function startDaemon(
  says: TestDoorOptions['says'] = {},
): Promise<{ readonly pid: number; readonly door: SocketDoor; readonly end: () => Promise<void> }> {
  const body = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
  const ended = once(body, 'exit')
  const pid = body.pid ?? 0
  const door = await startTestDoor(temp.places.socketPath, verbs, { says: { pid, ...says } })
  const end = async (): Promise<void> => {
    await door[Symbol.asyncDispose]()
    body.kill('SIGKILL')
    await ended
  }
  stack.defer(end)
  return { pid, door, end }
}

/** Somebody else has the lock, as a daemon that was started meanwhile has. */
async function takeLock(): Promise<void> {
  const { all } = stack.use(await startContenders(temp.places.stateDir, { count: 1, waitMs: 0 }))
  all[0]?.tell()
  expect(await all[0]?.heard()).toBe('got')
}

/** As takeLock does; a lock of this process is one for the kernel, too. */
function takeLockHere(file: string): Disposable {
  const database = new DatabaseSync(file)
  database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  return { [Symbol.dispose]: () => database.close() }
}

/** What a daemon leaves that was killed. */
function leaveAddress(more: object): Promise<void> {
  const { addressFile, socketPath: socket } = temp.places
  return writeFile(addressFile, JSON.stringify({ socket, version: '1.0.0', started_at: 1, ...more }))
}

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid ?? 0
}

/** Looks like the one of our state directory; a deaf one takes no signal but the last. */
async function startSupervisor(
  kind: 'deaf' | 'pausing',
): Promise<{ readonly pid: number; readonly ended: Promise<unknown> }> {
  const script = join(temp.root, 'supervisor.sh')
  await writeFile(script, `${kind === 'deaf' ? "trap '' TERM" : ''}\necho ready\nread -r never\n`)
  const child = spawn('sh', [script, temp.places.stateDir], { stdio: ['pipe', 'pipe', 'ignore'] })
  const ended = once(child, 'exit')
  stack.defer(async () => {
    child.kill('SIGKILL')
    await ended
  })
  await once(child.stdout, 'data')
  return { pid: child.pid ?? 0, ended }
}

/** A process that has the lock as a daemon has it, and does what it is told to. */
async function startBody() {
  const program = `
    const db = new (require('node:sqlite').DatabaseSync)(process.argv[1])
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    process.on('SIGTERM', () => console.log('SIGTERM'))
    require('node:readline').createInterface({ input: process.stdin }).on('line', line => {
      if (line === 'end') process.exit(0)
      db.close()
      console.log(line)
    })
    console.log('runs')`
  const child = spawn(process.execPath, ['-e', program, temp.places.lockFile, 'daemon'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  stack.defer(async () => {
    child.kill('SIGKILL')
    await ended
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const heard = (word: string): Promise<void> => expect.poll(() => said).toContain(word)
  await heard('runs')
  return { pid: child.pid ?? 0, ended, heard, tell: (word: string) => void child.stdin.write(`${word}\n`) }
}

describe('down', () => {
  it('is content when its daemon is gone, whoever has the lock by then', async () => {
    const { pid, end } = await startDaemon()
    await takeLock()
    const outcome = down(lifecycle(), { graceMs: 0 })
    ;(await verbs.nth(0)).answer({ pid, running: 0 })
    // As the daemon itself does, so that the answer leaves before the door closes.
    await new Promise(resolve => setImmediate(resolve))
    await end()
    expect(await outcome).toEqual({ kind: 'stopped', pid, running: 0, wasForced: false })
  })

  it('asks again when the daemon that it asked went away, and finds nothing to do', async () => {
    const { end } = await startDaemon()
    const outcome = down(lifecycle())
    await verbs.nth(0)
    await end()
    expect(await outcome).toEqual({ kind: 'not-running' })
  })

  it('asks the next daemon when a supervisor was faster than we', async () => {
    const { places } = temp
    await leaveAddress({ pid: await deadPid() })
    let looks = 0
    const next = Promise.withResolvers<Awaited<ReturnType<typeof startDaemon>>>()
    const quicker = {
      ...places,
      // Nobody has the lock at the first look, by which none is there to ask; at the second one the next daemon has it.
      get lockFile() {
        looks += 1
        if (looks === 2) {
          stack.use(takeLockHere(places.lockFile))
          next.resolve(startDaemon())
        }
        return places.lockFile
      },
    }
    const outcome = down(lifecycle({ places: quicker }), { graceMs: 0 })
    const { pid, end } = await next.promise
    ;(await verbs.nth(0)).answer({ pid, running: 0 })
    await new Promise(resolve => setImmediate(resolve))
    await end()
    expect(await outcome).toEqual({ kind: 'stopped', pid, running: 0, wasForced: false })
  })

  it('ends every supervisor that was there, and none that came while it waited', async () => {
    const { pid, end } = await startDaemon()
    const pausing = [await startSupervisor('pausing'), await startSupervisor('pausing')]
    const outcome = down(lifecycle(), { graceMs: 0 })
    const asked = await verbs.nth(0)
    const later = await startSupervisor('pausing')
    asked.answer({ pid, running: 0 })
    await new Promise(resolve => setImmediate(resolve))
    await end()
    expect(await outcome).toMatchObject({ kind: 'stopped', pid })
    await Promise.all(pausing.map(({ ended }) => ended))
    expect(process.kill(later.pid, 0)).toBe(true)
  })

  it('gives one that it cannot reach, but that is well, the time to end in order', async () => {
    const daemon = await startBody()
    await leaveAddress({ pid: daemon.pid })
    const { clock, hasLooked } = watchedClock()
    const outcome = down(lifecycle({ clock }))
    await hasLooked(2)
    // Nobody is at the socket for so long.
    clock.advance(4000)
    await daemon.heard('SIGTERM')
    clock.advance(20_000)
    await hasLooked(3)
    daemon.tell('end')
    expect(await outcome).toEqual({ kind: 'stopped', pid: daemon.pid, running: null, wasForced: true })
    expect(await daemon.ended).toEqual([0, null])
  })

  it('is content with one that has given its lock back when its time is up, and then ends', async () => {
    const daemon = await startBody()
    await startDaemon({ pid: daemon.pid })
    const { clock, hasLooked } = watchedClock()
    const outcome = down(lifecycle({ clock }), { graceMs: 0 })
    ;(await verbs.nth(0)).answer({ pid: daemon.pid, running: 0 })
    await hasLooked(2)
    daemon.tell('let go')
    await daemon.heard('let go')
    clock.advance(20_000)
    await hasLooked(3)
    daemon.tell('end')
    expect(await outcome).toMatchObject({ kind: 'stopped', pid: daemon.pid })
    expect(await daemon.ended).toEqual([0, null])
  })

  it('says so when a supervisor without a daemon does not end', async () => {
    const supervisor = await startSupervisor('deaf')
    await leaveAddress({ pid: await deadPid() })
    // A minute in a second.
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() * 60 }
    await expect(down(lifecycle({ clock }))).rejects.toMatchObject({
      code: 'DAEMON_WILL_NOT_STOP',
      message: `the supervisor of the daemon (pid ${supervisor.pid}) did not stop`,
    })
  })
})

describe('up', () => {
  it('in the foreground waits for a daemon that is stopping, and serves then', async () => {
    const { door, end } = await startDaemon({ is_stopping: true })
    const seen: string[] = []
    const outcome = up(
      lifecycle({
        async runDaemon() {
          seen.push('serves')
          return 0
        },
      }),
      { foreground: true },
    )
    await expect.poll(() => door.clients).toBe(1)
    seen.push('goes')
    await end()
    expect(await outcome).toEqual({ kind: 'ended', exitCode: 0 })
    expect(seen).toEqual(['goes', 'serves'])
  })
})
