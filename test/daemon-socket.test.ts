import { once } from 'node:events'
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createClient } from '#client'
import { systemClock } from '#kernel'
import type { TestTandem } from './support/tandem.ts'
import { patiently, present, tandemForEach } from './support/tandem-for-each.ts'

const on = tandemForEach()
const { leftOver, logText, open } = on

describe('a daemon whose socket is lost', () => {
  it.each([
    ['its file', (tandemPlaces: TestTandem['places']) => rmSync(tandemPlaces.socketPath)],
    ['its directory', (tandemPlaces: TestTandem['places']) => rmSync(tandemPlaces.runtimeDir, { recursive: true })],
  ])('puts it back, and goes on with who is connected: %s', async (_what, lose) => {
    await on.tandem.run(['up'])
    const connected = open()
    const { pid } = await connected.connect()
    lose(on.tandem.places)
    await expect.poll(() => existsSync(on.tandem.places.socketPath), { timeout: 5000, interval: 50 }).toBe(true)
    expect(statSync(on.tandem.places.socketPath).mode & 0o777).toBe(0o600)
    expect(await open().connect()).toMatchObject({ pid })
    expect(await connected.call('status', {}, { caller: { door: 'socket' } })).toMatchObject({ pid })
    expect(await on.tandem.run(['down'])).toMatchObject({ code: 0 })
    expect(await leftOver()).toEqual([])
  })

  it('is waited for while it puts its socket back, and its address with it', async () => {
    await on.tandem.run(['up'])
    const { socketPath, addressFile } = on.tandem.places
    const pid = present(on.tandem.daemonPid())
    for (const path of [socketPath, addressFile]) rmSync(path)
    for (const command of ['status', 'threads'])
      expect(await on.tandem.run([command])).toMatchObject({ code: 0, stderr: '' })
    expect(on.tandem.daemonPid()).toBe(pid)
    rmSync(socketPath)
    expect(await on.tandem.run(['up'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`already: pid ${pid}`),
    })
  })

  it('replaces a dead socket in place of its own, and leaves a file there alone', async () => {
    await on.tandem.run(['up'])
    const { socketPath } = on.tandem.places
    const dead = createServer()
    dead.listen(`${socketPath}.x`)
    await once(dead, 'listening')
    renameSync(`${socketPath}.x`, socketPath)
    await new Promise<void>(resolve => void dead.close(() => resolve()))
    await expect.poll(async () => (await on.tandem.run(['status'])).code, patiently).toBe(0)
    rmSync(socketPath)
    writeFileSync(socketPath, 'mine')
    await expect.poll(logText, patiently).toContain('cannot be put back')
    expect(readFileSync(socketPath, 'utf8')).toBe('mine')
    rmSync(socketPath)
    expect(await on.tandem.run(['down'])).toMatchObject({ code: 0 })
    expect(await leftOver()).toEqual([])
  })

  it('has an error of its own when the socket does not come back', async () => {
    await on.tandem.run(['up'])
    const pid = present(on.tandem.daemonPid())
    process.kill(pid, 'SIGSTOP')
    rmSync(on.tandem.places.socketPath)
    const identity = { name: 'test', version: '0.0.1' }
    await using client = createClient({ places: on.tandem.places, clock: systemClock, identity, connectTimeoutMs: 300 })
    await expect(client.connect()).rejects.toMatchObject({
      code: 'DAEMON_UNREACHABLE',
      message: expect.stringContaining(`pid ${pid}`),
      hint: 'start it anew: tandem restart',
    })
    expect(await on.tandem.run(['restart'])).toMatchObject({ code: 0 })
    expect(on.tandem.daemonPid()).not.toBe(pid)
  }, 30_000)

  it('says so when its supervisor is gone', async () => {
    await on.tandem.run(['up'])
    const client = open()
    expect(await client.call('status', {}, { caller: { door: 'socket' } })).toMatchObject({ is_supervised: true })
    process.kill(present(on.tandem.supervisorPid()), 'SIGKILL')
    const isSupervised = async (): Promise<boolean> =>
      (await client.call('status', {}, { caller: { door: 'socket' } })).is_supervised
    await expect.poll(isSupervised, patiently).toBe(false)
  })
})
