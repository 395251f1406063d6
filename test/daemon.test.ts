import { existsSync, statSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isAlive, lockHolder } from '#client'
import { connectRaw } from './support/raw-client.ts'
import { commandOf, finished, processesOf } from './support/tandem.ts'
import { patiently, present, tandemForEach } from './support/tandem-for-each.ts'

const on = tandemForEach()
const { leftOver, logText, open } = on

describe('tandem up, status, down', () => {
  it('starts the daemon once, shows it, stops it, and says when there is nothing to do', async () => {
    expect(await on.tandem.run(['status'])).toMatchObject({ code: 69, stderr: expect.stringContaining('tandem up') })
    expect(await on.tandem.run(['down'])).toMatchObject({ code: 0, stdout: 'no daemon is running\n' })
    expect(await on.tandem.run(['up'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^the daemon is up: pid \d+/),
    })

    const pid = on.tandem.daemonPid()
    expect(await on.tandem.run(['up'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`was up already: pid ${pid}`),
    })
    const status: unknown = JSON.parse((await on.tandem.run(['status', '--json'])).stdout)
    expect(status).toMatchObject({ pid, is_supervised: true, is_stopping: false, turns: { running: 0 } })
    expect(lockHolder(on.tandem.places.lockFile)).toBe(pid)
    const { stateDir, runtimeDir, socketPath, addressFile, logFile, pidFile, lockFile } = on.tandem.places
    const modes = [stateDir, runtimeDir, socketPath, addressFile, logFile, pidFile, lockFile].map(
      path => statSync(path).mode & 0o777,
    )
    expect(modes).toEqual([0o700, 0o700, 0o600, 0o600, 0o600, 0o600, 0o600])

    expect(await on.tandem.run(['down'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`pid ${pid} is down`),
    })
    expect(await leftOver()).toEqual([])
    expect(await on.tandem.run(['logs', '-n', '500'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('daemon stopped'),
    })
  })

  it('is found by a shell with another runtime directory', async () => {
    await on.tandem.run(['up'])
    const elsewhere = { XDG_RUNTIME_DIR: `${on.tandem.root}/elsewhere` }
    expect(await on.tandem.run(['status', '--json'], elsewhere)).toMatchObject({ code: 0 })
    expect(await on.tandem.run(['down'], elsewhere)).toMatchObject({ code: 0 })
    expect(await leftOver()).toEqual([])
  })

  it('runs in the foreground without a supervisor, until Ctrl-C', async () => {
    const { logFile } = on.tandem.places
    // Before the start: one that holds its lock already would be waited for.
    expect(
      await open()
        .call('status', {}, { caller: { door: 'cli' } })
        .catch(() => null),
    ).toBe(null)
    const child = on.tandem.start(['up', '--foreground'])
    const ended = finished(child)
    await expect.poll(() => logText(), patiently).toContain('"daemon started"')
    expect(on.tandem.daemonPid()).toBe(child.pid)
    expect(await open().call('status', {}, { caller: { door: 'cli' } })).toMatchObject({ is_supervised: false })
    expect(await finished(on.tandem.start(['daemon']))).toMatchObject({
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
    const all = await Promise.all(Array.from({ length: 6 }, () => on.tandem.run(['up'])))
    expect(all.map(one => one.code)).toEqual(all.map(() => 0))
    const pids = new Set(all.map(one => /pid (\d+)/.exec(one.stdout)?.[1]))
    expect([...pids]).toEqual([String(on.tandem.daemonPid())])
    // Those of the losers end by themselves.
    await expect
      .poll(() => processesOf(on.tandem.root).filter(pid => commandOf(pid).includes('supervisor.sh')), patiently)
      .toEqual([on.tandem.supervisorPid()])
    expect(await on.tandem.run(['down'])).toMatchObject({ code: 0 })
    expect(await leftOver()).toEqual([])
  })
})

describe('a daemon that dies', () => {
  it('is started again by its supervisor, and a waiting client goes on', async () => {
    await on.tandem.run(['up'])
    const [first, supervisor] = [present(on.tandem.daemonPid()), on.tandem.supervisorPid()]
    const client = open()
    const events = client.call('events', { wait_ms: 8000 }, { caller: { door: 'cli' } })
    await client.connect()
    process.kill(first, 'SIGKILL')
    await expect.poll(() => on.tandem.daemonPid(), patiently).not.toBe(first)
    expect(await events).toMatchObject({ has_more: false })
    expect((await client.connect()).pid).toBe(on.tandem.daemonPid())
    expect(on.tandem.supervisorPid()).toBe(supervisor)
    expect(lockHolder(on.tandem.places.lockFile)).toBe(on.tandem.daemonPid())
    expect(await on.tandem.run(['down'])).toMatchObject({ code: 0 })
    expect(await leftOver()).toEqual([])
  })

  it('is started by the next client when its supervisor died, too', async () => {
    await on.tandem.run(['up'])
    const first = present(on.tandem.daemonPid())
    process.kill(present(on.tandem.supervisorPid()), 'SIGKILL')
    process.kill(first, 'SIGKILL')
    await expect.poll(() => isAlive(first), patiently).toBe(false)
    expect(await on.tandem.run(['status'])).toMatchObject({ code: 69 })
    expect(await on.tandem.run(['threads'])).toMatchObject({ code: 0 })
    expect(on.tandem.daemonPid()).not.toBe(first)
  })

  it('is not brought back after `down`, not even by a supervisor that waits', async () => {
    await on.tandem.run(['up'])
    const supervisor = present(on.tandem.supervisorPid())
    process.kill(supervisor, 'SIGSTOP')
    process.kill(present(on.tandem.daemonPid()), 'SIGKILL')
    await expect.poll(() => lockHolder(on.tandem.places.lockFile), patiently).toBe(null)
    const down = on.tandem.run(['down'])
    process.kill(supervisor, 'SIGCONT')
    expect(await down).toMatchObject({ code: 0 })
    await expect.poll(() => processesOf(on.tandem.root), patiently).toEqual([])
  })

  it('is ended by `down` even when it hangs', async () => {
    await on.tandem.run(['up'])
    const pid = present(on.tandem.daemonPid())
    process.kill(pid, 'SIGSTOP')
    expect(await on.tandem.run(['down'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/pid \d+ is down \(.*force/),
    })
    await expect.poll(() => processesOf(on.tandem.root), patiently).toEqual([])
    expect(await on.tandem.run(['up'])).toMatchObject({ code: 0 })
  })
})

describe('signals', () => {
  it.each(['SIGTERM', 'SIGHUP'] as const)('%s ends the daemon with 0 and nothing left', async signal => {
    const child = on.tandem.start(['daemon'])
    const ended = finished(child)
    // Its address is there before its door is open; this line comes after both.
    await expect.poll(() => logText(), patiently).toContain('"daemon started"')
    expect(on.tandem.daemonPid()).toBe(child.pid)
    const raw = await connectRaw(on.tandem.places.socketPath)
    await raw.hello()
    child.kill(signal)
    expect(await ended).toMatchObject({ code: 0, signal: null })
    expect(await raw.rest()).toEqual([])
    expect(await leftOver()).toEqual([])
  })

  it('ends the supervisor with its daemon', async () => {
    await on.tandem.run(['up'])
    process.kill(present(on.tandem.supervisorPid()), 'SIGTERM')
    expect(await leftOver()).toEqual([])
  })

  it('takes a signal during the start', async () => {
    const child = on.tandem.start(['daemon'])
    const ended = finished(child)
    await expect.poll(() => existsSync(on.tandem.places.lockFile), { timeout: 15_000, interval: 2 }).toBe(true)
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({ code: 0, signal: null })
    expect(await leftOver()).toEqual([])
  })
})
