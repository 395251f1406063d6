import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient, isAlive, lockHolder } from '#client'
import { systemClock } from '#kernel'
import { connectRaw } from './support/raw-client.ts'
import { createTestTandem, finished, processesOf } from './support/tandem.ts'
import type { Client } from '#client'
import type { TestTandem } from './support/tandem.ts'

let tandem: TestTandem
const clients: Client[] = []
beforeEach(() => void (tandem = createTestTandem()))
afterEach(async () => {
  for (const client of clients.splice(0)) await client[Symbol.asyncDispose]()
  await tandem[Symbol.asyncDispose]()
})

const patiently = { timeout: 15_000, interval: 50 }

function open(): Client {
  const identity = { name: 'test', version: '0.0.1' }
  const client = createClient({ places: tandem.places, clock: systemClock, identity, connectTimeoutMs: 20_000 })
  clients.push(client)
  return client
}

/** Never 0: a signal to that goes to all of us. */
function present(pid: number | undefined): number {
  if (pid === undefined) throw new Error('it does not run')
  return pid
}

const logText = (): string => (existsSync(tandem.places.logFile) ? readFileSync(tandem.places.logFile, 'utf8') : '')

/** Nothing of ours runs, and nothing lies around that only a running daemon has. */
async function leftOver(): Promise<unknown> {
  await expect.poll(() => processesOf(tandem.root), patiently).toEqual([])
  const files = readdirSync(tandem.places.stateDir).filter(name => /^daemon\.(lock|json|pid)/.test(name))
  return [...readdirSync(tandem.places.runtimeDir), ...files]
}

describe('tandem up, status, down', () => {
  it('starts the daemon once, shows it, stops it, and says when there is nothing to do', async () => {
    expect(await tandem.run(['status'])).toMatchObject({ code: 69, stderr: expect.stringContaining('tandem up') })
    expect(await tandem.run(['down'])).toMatchObject({ code: 0, stdout: 'no daemon is running\n' })
    expect(await tandem.run(['up'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^the daemon is up: pid \d+/),
    })

    const pid = tandem.daemonPid()
    expect(await tandem.run(['up'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`was up already: pid ${pid}`),
    })
    const status: unknown = JSON.parse((await tandem.run(['status', '--json'])).stdout)
    expect(status).toMatchObject({ pid, is_supervised: true, is_stopping: false, turns: { running: 0 } })
    expect(lockHolder(tandem.places.lockFile)).toBe(pid)
    const { stateDir, runtimeDir, socketPath, addressFile, logFile, pidFile, lockFile } = tandem.places
    const modes = [stateDir, runtimeDir, socketPath, addressFile, logFile, pidFile, lockFile].map(
      path => statSync(path).mode & 0o777,
    )
    expect(modes).toEqual([0o700, 0o700, 0o600, 0o600, 0o600, 0o600, 0o600])

    expect(await tandem.run(['down'])).toMatchObject({ code: 0, stdout: expect.stringContaining(`pid ${pid} is down`) })
    expect(await leftOver()).toEqual([])
    expect(await tandem.run(['logs', '-n', '500'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('daemon stopped'),
    })
  })

  it('is found by a shell with another runtime directory', async () => {
    await tandem.run(['up'])
    const elsewhere = { XDG_RUNTIME_DIR: `${tandem.root}/elsewhere` }
    expect(await tandem.run(['status', '--json'], elsewhere)).toMatchObject({ code: 0 })
    expect(await tandem.run(['down'], elsewhere)).toMatchObject({ code: 0 })
    expect(await leftOver()).toEqual([])
  })

  it('runs in the foreground without a supervisor, until Ctrl-C', async () => {
    const { logFile } = tandem.places
    // Before the start: one that holds its lock already would be waited for.
    expect(
      await open()
        .call('status', {}, { caller: { door: 'cli' } })
        .catch(() => null),
    ).toBe(null)
    const child = tandem.start(['up', '--foreground'])
    const ended = finished(child)
    await expect.poll(() => logText(), patiently).toContain('"daemon started"')
    expect(tandem.daemonPid()).toBe(child.pid)
    expect(await open().call('status', {}, { caller: { door: 'cli' } })).toMatchObject({ is_supervised: false })
    expect(await finished(tandem.start(['daemon']))).toMatchObject({
      code: 75,
      stderr: expect.stringContaining(`DAEMON_ALREADY_RUNNING: a daemon is running already (pid ${child.pid})`),
    })
    child.kill('SIGINT')
    expect(await ended).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(new RegExp(`the daemon is up: pid ${child.pid}, .*\nits log: ${logFile}\n`)),
    })
    expect(await leftOver()).toEqual([])
  })

  it('is one daemon, however many start it at once', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => tandem.run(['up'])))
    expect(all.map(one => one.code)).toEqual(all.map(() => 0))
    const pids = new Set(all.map(one => /pid (\d+)/.exec(one.stdout)?.[1]))
    expect([...pids]).toEqual([String(tandem.daemonPid())])
    // Those of the losers end by themselves.
    await expect
      .poll(() => processesOf(tandem.root).filter(pid => commandLine(pid).includes('supervisor.sh')), patiently)
      .toEqual([tandem.supervisorPid()])
    expect(await tandem.run(['down'])).toMatchObject({ code: 0 })
    expect(await leftOver()).toEqual([])
  })
})

describe('a daemon that dies', () => {
  it('is started again by its supervisor, and a waiting client goes on', async () => {
    await tandem.run(['up'])
    const [first, supervisor] = [present(tandem.daemonPid()), tandem.supervisorPid()]
    const client = open()
    const events = client.call('events', { wait_ms: 8000 }, { caller: { door: 'cli' } })
    await client.connect()
    process.kill(first, 'SIGKILL')
    await expect.poll(() => tandem.daemonPid(), patiently).not.toBe(first)
    expect(await events).toMatchObject({ has_more: false })
    expect((await client.connect()).pid).toBe(tandem.daemonPid())
    expect(tandem.supervisorPid()).toBe(supervisor)
    expect(lockHolder(tandem.places.lockFile)).toBe(tandem.daemonPid())
    expect(await tandem.run(['down'])).toMatchObject({ code: 0 })
    expect(await leftOver()).toEqual([])
  })

  it('is started by the next client when its supervisor died, too', async () => {
    await tandem.run(['up'])
    const first = present(tandem.daemonPid())
    process.kill(present(tandem.supervisorPid()), 'SIGKILL')
    process.kill(first, 'SIGKILL')
    await expect.poll(() => isAlive(first), patiently).toBe(false)
    expect(await tandem.run(['status'])).toMatchObject({ code: 69 })
    expect(await tandem.run(['threads'])).toMatchObject({ code: 0 })
    expect(tandem.daemonPid()).not.toBe(first)
  })

  it('is not brought back after `down`, not even by a supervisor that waits', async () => {
    await tandem.run(['up'])
    const supervisor = present(tandem.supervisorPid())
    process.kill(supervisor, 'SIGSTOP')
    process.kill(present(tandem.daemonPid()), 'SIGKILL')
    await expect.poll(() => lockHolder(tandem.places.lockFile), patiently).toBe(null)
    const down = tandem.run(['down'])
    process.kill(supervisor, 'SIGCONT')
    expect(await down).toMatchObject({ code: 0 })
    await expect.poll(() => processesOf(tandem.root), patiently).toEqual([])
  })

  it('is ended by `down` even when it hangs', async () => {
    await tandem.run(['up'])
    const pid = present(tandem.daemonPid())
    process.kill(pid, 'SIGSTOP')
    expect(await tandem.run(['down'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/pid \d+ is down \(.*force/),
    })
    await expect.poll(() => processesOf(tandem.root), patiently).toEqual([])
    expect(await tandem.run(['up'])).toMatchObject({ code: 0 })
  })
})

describe('signals', () => {
  it.each(['SIGTERM', 'SIGHUP'] as const)('%s ends the daemon with 0 and nothing left', async signal => {
    const child = tandem.start(['daemon'])
    const ended = finished(child)
    // Its address is there before its door is open; this line comes after both.
    await expect.poll(() => logText(), patiently).toContain('"daemon started"')
    expect(tandem.daemonPid()).toBe(child.pid)
    const raw = await connectRaw(tandem.places.socketPath)
    await raw.hello()
    child.kill(signal)
    expect(await ended).toMatchObject({ code: 0, signal: null })
    expect(await raw.rest()).toEqual([])
    expect(await leftOver()).toEqual([])
  })

  it('ends the supervisor with its daemon', async () => {
    await tandem.run(['up'])
    process.kill(present(tandem.supervisorPid()), 'SIGTERM')
    expect(await leftOver()).toEqual([])
  })

  it('takes a signal during the start', async () => {
    const child = tandem.start(['daemon'])
    const ended = finished(child)
    await expect.poll(() => existsSync(tandem.places.lockFile), { timeout: 15_000, interval: 2 }).toBe(true)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, signal: null })
    expect(await leftOver()).toEqual([])
  })
})

describe('a daemon whose socket is lost', () => {
  it.each([
    ['its file', (tandemPlaces: TestTandem['places']) => rmSync(tandemPlaces.socketPath)],
    ['its directory', (tandemPlaces: TestTandem['places']) => rmSync(tandemPlaces.runtimeDir, { recursive: true })],
  ])('puts it back, and goes on with who is connected: %s', async (_what, lose) => {
    await tandem.run(['up'])
    const connected = open()
    const { pid } = await connected.connect()
    lose(tandem.places)
    await expect.poll(() => existsSync(tandem.places.socketPath), { timeout: 5000, interval: 50 }).toBe(true)
    expect(statSync(tandem.places.socketPath).mode & 0o777).toBe(0o600)
    expect(await open().connect()).toMatchObject({ pid })
    expect(await connected.call('status', {}, { caller: { door: 'socket' } })).toMatchObject({ pid })
    expect(await tandem.run(['down'])).toMatchObject({ code: 0 })
    expect(await leftOver()).toEqual([])
  })

  it('is waited for while it puts its socket back, and its address with it', async () => {
    await tandem.run(['up'])
    const { socketPath, addressFile } = tandem.places
    const pid = present(tandem.daemonPid())
    for (const path of [socketPath, addressFile]) rmSync(path)
    for (const command of ['status', 'threads'])
      expect(await tandem.run([command])).toMatchObject({ code: 0, stderr: '' })
    expect(tandem.daemonPid()).toBe(pid)
    rmSync(socketPath)
    expect(await tandem.run(['up'])).toMatchObject({ code: 0, stdout: expect.stringContaining(`already: pid ${pid}`) })
  })

  it('replaces a dead socket in place of its own, and leaves a file there alone', async () => {
    await tandem.run(['up'])
    const { socketPath } = tandem.places
    const dead = createServer()
    dead.listen(`${socketPath}.x`)
    await once(dead, 'listening')
    renameSync(`${socketPath}.x`, socketPath)
    await new Promise<void>(resolve => void dead.close(() => resolve()))
    await expect.poll(async () => (await tandem.run(['status'])).code, patiently).toBe(0)
    rmSync(socketPath)
    writeFileSync(socketPath, 'mine')
    await expect.poll(logText, patiently).toContain('cannot be put back')
    expect(readFileSync(socketPath, 'utf8')).toBe('mine')
    rmSync(socketPath)
    expect(await tandem.run(['down'])).toMatchObject({ code: 0 })
    expect(await leftOver()).toEqual([])
  })

  it('has an error of its own when the socket does not come back', async () => {
    await tandem.run(['up'])
    const pid = present(tandem.daemonPid())
    process.kill(pid, 'SIGSTOP')
    rmSync(tandem.places.socketPath)
    const identity = { name: 'test', version: '0.0.1' }
    await using client = createClient({ places: tandem.places, clock: systemClock, identity, connectTimeoutMs: 300 })
    await expect(client.connect()).rejects.toMatchObject({
      code: 'DAEMON_UNREACHABLE',
      message: expect.stringContaining(`pid ${pid}`),
      hint: 'start it anew: tandem restart',
    })
    expect(await tandem.run(['restart'])).toMatchObject({ code: 0 })
    expect(tandem.daemonPid()).not.toBe(pid)
  }, 30_000)

  it('says so when its supervisor is gone', async () => {
    await tandem.run(['up'])
    const client = open()
    expect(await client.call('status', {}, { caller: { door: 'socket' } })).toMatchObject({ is_supervised: true })
    process.kill(present(tandem.supervisorPid()), 'SIGKILL')
    const isSupervised = async (): Promise<boolean> =>
      (await client.call('status', {}, { caller: { door: 'socket' } })).is_supervised
    await expect.poll(isSupervised, patiently).toBe(false)
  })
})

describe('what is in the way of a start', () => {
  it('a program that listens there and says nothing is told from a daemon', async () => {
    mkdirSync(tandem.places.runtimeDir, { recursive: true, mode: 0o700 })
    const silent = createServer(socket => void socket.on('error', () => undefined).resume())
    silent.listen(tandem.places.socketPath)
    await once(silent, 'listening')
    chmodSync(tandem.places.socketPath, 0o600)
    const [up, status] = await Promise.all([tandem.run(['up']), tandem.run(['status'])])
    for (const { code, stderr } of [up, status]) {
      expect(code).not.toBe(0)
      expect(stderr).toMatch(/something that is not the daemon listens at .*daemon.sock\n.*fuser .*\n.*SOCKET_FOREIGN/)
    }
    await new Promise<void>(resolve => void silent.close(() => resolve()))
  })

  it('a program that listens there and hangs up is told from a daemon, too', async () => {
    mkdirSync(tandem.places.runtimeDir, { recursive: true, mode: 0o700 })
    const rude = createServer(socket => socket.on('error', () => undefined).destroy())
    rude.listen(tandem.places.socketPath)
    await once(rude, 'listening')
    chmodSync(tandem.places.socketPath, 0o600)
    const { code, stderr } = await tandem.run(['status'])
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining('SOCKET_FOREIGN')])
    await new Promise<void>(resolve => void rude.close(() => resolve()))
  })

  it('a stale socket is replaced', async () => {
    await tandem.run(['up'])
    process.kill(present(tandem.supervisorPid()), 'SIGKILL')
    process.kill(present(tandem.daemonPid()), 'SIGKILL')
    expect(existsSync(tandem.places.socketPath)).toBe(true)
    expect(await tandem.run(['up'])).toMatchObject({ code: 0, stdout: expect.stringContaining('is up') })
    expect(await tandem.run(['status'])).toMatchObject({ code: 0 })
  })

  it.each([
    ['a file', (path: string) => writeFileSync(path, ''), 'mv'],
    ['a directory', (path: string) => mkdirSync(path), 'mv'],
    ['a link', (path: string) => symlinkSync('/nowhere', path), 'rm'],
  ])('%s in place of the socket is left alone', async (_, occupy, cure) => {
    const { runtimeDir, socketPath } = tandem.places
    mkdirSync(runtimeDir, { recursive: true, mode: 0o700 })
    occupy(socketPath)
    const { code, stderr } = await finished(tandem.start(['daemon']))
    expect(code).toBe(78)
    expect(stderr).toMatch(new RegExp(`SOCKET_OCCUPIED: .*daemon.sock is a .*\n.*: ${cure} `))
    expect(readdirSync(runtimeDir)).toEqual(['daemon.sock'])
    const up = await tandem.run(['up'])
    expect(up.code).not.toBe(0)
    expect(up.stderr).toMatch(/DAEMON_UNSAFE_SOCKET|SOCKET_OCCUPIED/)
    await expect.poll(() => processesOf(tandem.root), patiently).toEqual([])
  })

  it("another program's socket is left alone, and up tells the daemon's own reason", async () => {
    mkdirSync(tandem.places.runtimeDir, { recursive: true, mode: 0o700 })
    const silent = createServer(socket => socket.on('error', () => undefined).destroy())
    silent.listen(tandem.places.socketPath)
    await once(silent, 'listening')
    const { code, stderr } = await finished(tandem.start(['daemon']))
    expect([code, stderr]).toEqual([78, expect.stringContaining('SOCKET_OCCUPIED')])
    expect(existsSync(tandem.places.socketPath)).toBe(true)
    await new Promise<void>(resolve => void silent.close(() => resolve()))
  })

  it('a configuration that is wrong is named by up, with file and member', async () => {
    mkdirSync(tandem.places.configDir, { recursive: true })
    writeFileSync(tandem.places.configFile, '[turns]\nmax_runing = 3\n')
    const up = await tandem.run(['up'])
    expect(up.code).not.toBe(0)
    expect(up.stderr).toMatch(/config\.toml: turns: .*max_runing/)
    expect(up.stderr).toContain('CONFIG_INVALID')
    await expect.poll(() => processesOf(tandem.root), patiently).toEqual([])
    expect(readFileSync(tandem.places.logFile, 'utf8')).toContain('daemon could not start')
    writeFileSync(tandem.places.configFile, '[turns]\nmax_running = 3\n')
    expect(await tandem.run(['up'])).toMatchObject({ code: 0 })
    expect(existsSync(`${tandem.places.stateDir}/start-error.json`)).toBe(false)
  })

  it('a socket path that is too long is refused with the cure', async () => {
    const up = await tandem.run(['up'], { TANDEM_RUNTIME_DIR: `${tandem.root}/${'x'.repeat(100)}` })
    expect(up.code).not.toBe(0)
    expect(up.stderr).toMatch(/has \d+ bytes; a socket may have 107/)
    expect(up.stderr).toContain('set TANDEM_RUNTIME_DIR')
    await expect.poll(() => processesOf(tandem.root), patiently).toEqual([])
  })

  it.each([
    ['the state directory', () => tandem.places.stateDir],
    ['the runtime directory', () => tandem.places.runtimeDir],
  ])('%s that others may enter, or that is a link, is refused with the cure', async (_, which) => {
    const path = which()
    mkdirSync(path, { recursive: true })
    chmodSync(path, 0o755)
    for (const command of ['up', 'daemon']) {
      const { code, stderr } = await tandem.run([command])
      expect([code === 0, stderr]).toEqual([
        false,
        expect.stringMatching(/(DIRECTORY_UNSAFE|UNSAFE_SOCKET)[^]*|chmod 700/),
      ])
      expect(stderr).toContain(`chmod 700 `)
    }
    chmodSync(path, 0o700)
    renameSync(path, `${path}.real`)
    symlinkSync(`${path}.real`, path)
    expect((await tandem.run(['daemon'])).stderr).toContain('is a link')
    await expect.poll(() => processesOf(tandem.root), patiently).toEqual([])
  })
})

describe('a daemon without Codex', () => {
  it('serves all the same and says what is missing', async () => {
    mkdirSync(tandem.places.configDir, { recursive: true })
    writeFileSync(tandem.places.configFile, `[codex]\npath = "${tandem.root}/no/codex"\n`)
    expect(await tandem.run(['up'])).toMatchObject({ code: 0 })
    const status: unknown = JSON.parse((await tandem.run(['status', '--json'])).stdout)
    expect(status).toMatchObject({ codex: { kind: 'missing', detail: expect.stringContaining('no/codex') } })
    const raw = await connectRaw(tandem.places.socketPath)
    raw.send({ command: '/codex-status' })
    expect(await raw.next()).toMatchObject({ success: true, response: expect.stringContaining('codex: missing') })
    raw[Symbol.dispose]()
  })
})

function commandLine(pid: number): string {
  return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
}
