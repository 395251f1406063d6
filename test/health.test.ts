import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { beforeEach, describe, expect, it } from 'vitest'
import { configSchema } from '#contracts'
import { canMount, mountTmpfs } from './support/tmpfs.ts'
import { configure, healthOf, openClient, partOf, stateOf } from './support/health-of.ts'
import { configureCodex, ownProvider } from './support/own-provider.ts'
import { tandemForEach } from './support/tandem-for-each.ts'

const patiently = { timeout: 30_000, interval: 100 }
const caller = { door: 'socket' } as const

const on = tandemForEach()
const { logText: logged } = on
// No login is wanted.
beforeEach(() => configureCodex(on.tandem, ownProvider))

/** A program in the place of Codex that tells its version and then does as `then` says. */
function standInCodex(then: string): string {
  const path = join(on.tandem.root, 'stand-in-codex')
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && echo codex-cli 0.169.0 && exit\n${then}\n`, { mode: 0o755 })
  return path
}

describe('tandem health', () => {
  it('without a daemon says so in the same shape, and starts none', async () => {
    const { code, health } = await healthOf(on.tandem)
    expect(code).toBe(2)
    expect(health).toMatchObject({ state: 'down', pid: null, version: null })
    expect(health.parts).toMatchObject([
      { part: 'socket', state: 'down', why: 'the daemon is not running', cure: 'tandem up' },
    ])
    expect(existsSync(on.tandem.places.stateDir)).toBe(false)
    const shown = await on.tandem.run(['health'])
    expect(shown.stdout).toBe('socket\tdown\t-\tthe daemon is not running\ttandem up\n')
  })

  it('is healthy with everything in its place', async () => {
    await on.tandem.run(['up'])
    await expect.poll(async () => (await healthOf(on.tandem)).code, patiently).toBe(0)
    const { health } = await healthOf(on.tandem)
    expect(health).toMatchObject({
      state: 'healthy',
      pid: on.tandem.daemonPid(),
      log_level: 'info',
      idle_shutdown_ms: 0,
    })
    const names = [
      'socket',
      'store read',
      'store write',
      'disk',
      'directories',
      'log',
      'policy',
      'codex',
      'codex configuration',
      'event loop',
      'memory',
      'http',
      'supervisor',
    ]
    expect(health.parts.map(({ part }) => part)).toEqual(names)
    for (const part of health.parts) expect(part).toMatchObject({ state: 'healthy', why: null })
    for (const { since, looked_at } of health.parts) {
      expect(since).toBeLessThanOrEqual(health.at)
      expect(health.at - (looked_at ?? 0)).toBeLessThan(3000)
    }
    await expect
      .poll(async () => partOf((await healthOf(on.tandem)).health, 'codex')?.details, patiently)
      .toMatchObject({
        kind: 'ready',
        version: '0.169.0',
        breaker: 'closed',
        last_answer_at: expect.any(Number),
      })
  })

  it('tells that Codex is missing; everything else works', async () => {
    configure(on.tandem, `[codex]\npath = "${on.tandem.root}/no-codex"\n`)
    await on.tandem.run(['up'])
    await expect.poll(() => stateOf(on.tandem, 'codex'), patiently).toBe('degraded')
    const { code, health } = await healthOf(on.tandem)
    expect([code, health.state]).toEqual([1, 'degraded'])
    expect(partOf(health, 'codex')).toMatchObject({
      why: expect.stringContaining('no-codex'),
      cure: expect.stringContaining('tandem restart'),
      details: { kind: 'missing' },
    })
    const shown = await on.tandem.run(['health'])
    expect(shown.stdout).toMatch(
      /^codex\tdegraded\t\S+\t.*no-codex.*\tinstall Codex .*codex --version.*tandem restart$/m,
    )
  })

  it('tells that Codex keeps dying, when its breaker opens, and when it is tried again', async () => {
    configure(on.tandem, `[codex]\npath = "${standInCodex('echo no good >&2; exit 3')}"\n`)
    await on.tandem.run(['up'])
    await expect
      .poll(async () => partOf((await healthOf(on.tandem)).health, 'codex')?.details['breaker'], patiently)
      .toBe('open')
    const { code, health } = await healthOf(on.tandem)
    expect(code).toBe(1)
    const codex = partOf(health, 'codex')
    expect(codex?.why).toMatch(/died too often.*no good/s)
    expect(Number(codex?.details['next_try_at'])).toBeGreaterThan(health.at)
  })

  it('shows a deleted socket to who is connected still, and that it is back within 5 s', async () => {
    await on.tandem.run(['up'])
    await using client = openClient(on.tandem)
    const socket = async () => partOf(await client.call('health', {}, { caller }), 'socket')
    expect(await socket()).toMatchObject({ state: 'healthy' })
    // It may be put back before we look: once more, then.
    await expect
      .poll(async () => {
        rmSync(on.tandem.places.socketPath, { force: true })
        return await socket()
      }, patiently)
      .toMatchObject({ state: 'down', why: expect.stringContaining('was removed'), since: expect.any(Number) })
    const wentAt = Date.now()
    await expect.poll(async () => (await socket())?.state, { timeout: 10_000, interval: 50 }).toBe('healthy')
    expect(Date.now() - wentAt).toBeLessThan(5000)
    expect(await stateOf(on.tandem, 'socket')).toBe('healthy')
    expect(logged()).toContain('a part is healthy again')
  })

  it('tells within its bound that the daemon hangs, and what stops it', async () => {
    const before = performance.now()
    await healthOf(on.tandem)
    const usualMs = performance.now() - before
    await on.tandem.run(['up'])
    const pid = on.tandem.daemonPid() ?? 0
    process.kill(pid, 'SIGSTOP')
    try {
      const began = performance.now()
      const { code, health } = await healthOf(on.tandem)
      expect(performance.now() - began).toBeLessThan(5000 + 3 * usualMs + 2000)
      expect([code, health.state, health.pid]).toEqual([2, 'down', pid])
      expect(health.parts).toMatchObject([
        { part: 'socket', why: expect.stringContaining('stopped by a signal'), cure: `kill -CONT ${pid}` },
      ])
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await expect.poll(() => stateOf(on.tandem, 'socket'), patiently).toBe('healthy')
  })

  it('tells that another process holds the store, and that it let go', async () => {
    await on.tandem.run(['up'])
    {
      using other = new DatabaseSync(on.tandem.places.storeFile, { timeout: 5000 })
      other.exec('begin immediate')
      await expect.poll(() => stateOf(on.tandem, 'store write'), patiently).toBe('down')
      const { code, health } = await healthOf(on.tandem)
      expect([code, health.state]).toEqual([2, 'down'])
      expect(partOf(health, 'store write')).toMatchObject({
        why: expect.stringContaining(`another program (pid ${process.pid}) holds`),
        details: { code: 'STORE_LOCKED' },
      })
      expect(partOf(health, 'store read')).toMatchObject({ state: 'healthy' })
      other.exec('rollback')
    }
    await expect.poll(() => stateOf(on.tandem, 'store write'), patiently).toBe('healthy')
  })

  it('the daemon serves on without its log, says so, and takes it up again', async () => {
    await on.tandem.run(['up'])
    const { logFile } = on.tandem.places
    rmSync(logFile)
    mkdirSync(logFile)
    await expect.poll(() => stateOf(on.tandem, 'log'), patiently).toBe('degraded')
    const { code, health } = await healthOf(on.tandem)
    expect(code).toBe(1)
    expect(partOf(health, 'log')).toMatchObject({ why: expect.stringMatching(/it is not a file.*standard error/) })
    expect((await on.tandem.run(['threads'])).code).toBe(0)
    rmdirSync(logFile)
    await expect.poll(() => stateOf(on.tandem, 'log'), patiently).toBe('healthy')
    await expect.poll(logged, patiently).toContain('a part is healthy again')
  })

  it('a daemon can be started although its log cannot be opened', async () => {
    mkdirSync(on.tandem.places.logFile, { recursive: true, mode: 0o700 })
    execFileSync('chmod', ['-R', '0700', on.tandem.places.stateDir])
    expect(await on.tandem.run(['up'])).toMatchObject({ code: 0 })
    expect(await stateOf(on.tandem, 'log')).toBe('degraded')
  })

  it.runIf(canMount())('tells that the disk is full, and that it has room again', async () => {
    configure(on.tandem, '[health]\nmin_free_disk_bytes = 1000000\n')
    const { stateDir } = on.tandem.places
    using _disk = mountTmpfs(stateDir, '24m')
    await on.tandem.run(['up'])
    await expect.poll(async () => (await healthOf(on.tandem)).code, patiently).toBe(0)
    const filler = join(stateDir, 'filler')
    fill(filler)
    await expect.poll(() => stateOf(on.tandem, 'disk'), patiently).toBe('down')
    const { code, health } = await healthOf(on.tandem)
    expect([code, health.state]).toEqual([2, 'down'])
    expect(partOf(health, 'disk')).toMatchObject({
      why: expect.stringContaining('0 MB are free'),
      cure: expect.stringContaining('du -xh'),
    })
    rmSync(filler)
    await expect.poll(async () => (await healthOf(on.tandem)).code, patiently).toBe(0)
    await on.tandem.run(['down'])
  })

  it('goes on with what changes until Ctrl-C, over a new start of the daemon', async () => {
    const watching = on.tandem.start(['health', '--watch'])
    let shown = ''
    watching.stdout?.on('data', (chunk: Buffer) => void (shown += chunk.toString()))
    await expect.poll(() => shown, patiently).toContain('the daemon is not running')
    await on.tandem.run(['up'])
    await expect.poll(() => shown, patiently).toMatch(/socket: down -> healthy/)
    process.kill(on.tandem.daemonPid() ?? 0, 'SIGKILL')
    await expect.poll(() => shown, patiently).toMatch(/daemon: pid - -> (\d+)[^]*daemon: pid .* -> (?!\1)\d+/)
    watching.kill('SIGINT')
    await expect.poll(() => watching.exitCode, patiently).toBe(130)
  })
})

describe('tandem log-level', () => {
  it('changes what is logged until the daemon ends', async () => {
    expect(await on.tandem.run(['log-level'])).toMatchObject({ code: 69 })
    await on.tandem.run(['up'])
    expect((await on.tandem.run(['log-level'])).stdout).toBe('info\n')
    expect(logged()).not.toContain('client greeted')
    expect((await on.tandem.run(['log-level', 'debug'])).stdout).toBe('debug (info after the next start)\n')
    await on.tandem.run(['threads'])
    await expect.poll(logged, patiently).toContain('client greeted')
    expect((await on.tandem.run(['log-level', 'loud'])).code).toBe(2)
    await on.tandem.run(['down'])
    await on.tandem.run(['up'])
    expect((await on.tandem.run(['log-level'])).stdout).toBe('info\n')
  })
})

function fill(file: string): void {
  try {
    writeFileSync(file, Buffer.alloc(64_000_000))
  } catch {
    // That is what was wanted: as much as there is room for.
  }
}

it('config names what degrades, with its units', () => {
  expect(Object.keys(configSchema.parse({}).health).every(name => /_(bytes|ms)$/.test(name))).toBe(true)
})
