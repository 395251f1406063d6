import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient, isAlive } from '#client'
import { configSchema, healthSchema } from '#contracts'
import type { ChildProcess } from 'node:child_process'
import type { Health } from '#contracts'
import { systemClock } from '#kernel'
import { createTestTandem, finished } from './support/tandem.ts'
import { canMount, mountTmpfs } from './support/tmpfs.ts'
import type { TestTandem } from './support/tandem.ts'

const patiently = { timeout: 30_000, interval: 100 }
const caller = { door: 'socket' } as const

let tandem: TestTandem
beforeEach(() => {
  tandem = createTestTandem()
  // A provider of one's own: no login is wanted.
  const provider = 'name = "own"\nbase_url = "http://127.0.0.1:9/v1"\nwire_api = "responses"\n'
  const text = `model_provider = "own"\n[model_providers.own]\n${provider}`
  writeFileSync(join(tandem.env['CODEX_HOME'] ?? '', 'config.toml'), text)
})
afterEach(() => tandem[Symbol.asyncDispose]())

async function ask(): Promise<{ readonly code: number | null; readonly health: Health }> {
  const ran = await tandem.run(['health', '--json'])
  return { code: ran.code, health: healthSchema.strict().parse(JSON.parse(ran.stdout)) }
}

const partOf = (health: Health, name: string) => health.parts.find(({ part }) => part === name)
const stateOf = async (name: string) => partOf((await ask()).health, name)?.state

function configure(text: string): void {
  mkdirSync(tandem.places.configDir, { recursive: true })
  writeFileSync(tandem.places.configFile, text)
}

/** A client of its own that stays connected. */
function openClient() {
  const identity = { name: 'test', version: '0.0.0' }
  return createClient({ places: tandem.places, clock: systemClock, identity })
}

/** A program in the place of Codex that tells its version and then does as `then` says. */
function standInCodex(then: string): string {
  const path = join(tandem.root, 'stand-in-codex')
  writeFileSync(path, `#!/bin/sh\n[ "$1" = --version ] && echo codex-cli 0.169.0 && exit\n${then}\n`, { mode: 0o755 })
  return path
}

describe('tandem health', () => {
  it('without a daemon says so in the same shape, and starts none', async () => {
    const { code, health } = await ask()
    expect(code).toBe(2)
    expect(health).toMatchObject({ state: 'down', pid: null, version: null })
    expect(health.parts).toMatchObject([
      { part: 'socket', state: 'down', why: 'the daemon is not running', cure: 'tandem up' },
    ])
    expect(existsSync(tandem.places.stateDir)).toBe(false)
    const shown = await tandem.run(['health'])
    expect(shown.stdout).toBe('socket\tdown\t-\tthe daemon is not running\ttandem up\n')
  })

  it('is healthy with everything in its place', async () => {
    await tandem.run(['up'])
    await expect.poll(async () => (await ask()).code, patiently).toBe(0)
    const { health } = await ask()
    expect(health).toMatchObject({ state: 'healthy', pid: tandem.daemonPid(), log_level: 'info', idle_shutdown_ms: 0 })
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
      .poll(async () => partOf((await ask()).health, 'codex')?.details, patiently)
      .toMatchObject({
        kind: 'ready',
        version: '0.169.0',
        breaker: 'closed',
        last_answer_at: expect.any(Number),
      })
  })

  it('tells that Codex is missing; everything else works', async () => {
    configure(`[codex]\npath = "${tandem.root}/no-codex"\n`)
    await tandem.run(['up'])
    await expect.poll(() => stateOf('codex'), patiently).toBe('degraded')
    const { code, health } = await ask()
    expect([code, health.state]).toEqual([1, 'degraded'])
    expect(partOf(health, 'codex')).toMatchObject({
      why: expect.stringContaining('no-codex'),
      cure: expect.stringContaining('tandem check'),
      details: { kind: 'missing' },
    })
    const shown = await tandem.run(['health'])
    expect(shown.stdout).toMatch(/^codex\tdegraded\t\S+\t.*no-codex.*\tin a shell .*tandem restart.*tandem check$/m)
  })

  it('tells that Codex keeps dying, when its breaker opens, and when it is tried again', async () => {
    configure(`[codex]\npath = "${standInCodex('echo no good >&2; exit 3')}"\n`)
    await tandem.run(['up'])
    await expect.poll(async () => partOf((await ask()).health, 'codex')?.details['breaker'], patiently).toBe('open')
    const { code, health } = await ask()
    expect(code).toBe(1)
    const codex = partOf(health, 'codex')
    expect(codex?.why).toMatch(/died too often.*no good/s)
    expect(Number(codex?.details['next_try_at'])).toBeGreaterThan(health.at)
  })

  it('shows a deleted socket to who is connected still, and that it is back within 5 s', async () => {
    await tandem.run(['up'])
    await using client = openClient()
    const socket = async () => partOf(await client.call('health', {}, { caller }), 'socket')
    expect(await socket()).toMatchObject({ state: 'healthy' })
    // It may be put back before we look: once more, then.
    await expect
      .poll(async () => {
        rmSync(tandem.places.socketPath, { force: true })
        return await socket()
      }, patiently)
      .toMatchObject({ state: 'down', why: expect.stringContaining('was removed'), since: expect.any(Number) })
    const wentAt = Date.now()
    await expect.poll(async () => (await socket())?.state, { timeout: 10_000, interval: 50 }).toBe('healthy')
    expect(Date.now() - wentAt).toBeLessThan(5000)
    expect(await stateOf('socket')).toBe('healthy')
    expect(logged()).toContain('a part is healthy again')
  })

  it('tells within its bound that the daemon hangs, and what stops it', async () => {
    const before = performance.now()
    await ask()
    const usualMs = performance.now() - before
    await tandem.run(['up'])
    const pid = tandem.daemonPid() ?? 0
    process.kill(pid, 'SIGSTOP')
    try {
      const began = performance.now()
      const { code, health } = await ask()
      expect(performance.now() - began).toBeLessThan(5000 + 3 * usualMs + 2000)
      expect([code, health.state, health.pid]).toEqual([2, 'down', pid])
      expect(health.parts).toMatchObject([
        { part: 'socket', why: expect.stringContaining('stopped by a signal'), cure: `kill -CONT ${pid}` },
      ])
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await expect.poll(() => stateOf('socket'), patiently).toBe('healthy')
  })

  it('tells that another process holds the store, and that it let go', async () => {
    await tandem.run(['up'])
    {
      using other = new DatabaseSync(tandem.places.storeFile, { timeout: 5000 })
      other.exec('begin immediate')
      await expect.poll(() => stateOf('store write'), patiently).toBe('down')
      const { code, health } = await ask()
      expect([code, health.state]).toEqual([2, 'down'])
      expect(partOf(health, 'store write')).toMatchObject({
        why: expect.stringContaining('another process holds'),
        details: { code: 'STORE_LOCKED' },
      })
      expect(partOf(health, 'store read')).toMatchObject({ state: 'healthy' })
      other.exec('rollback')
    }
    await expect.poll(() => stateOf('store write'), patiently).toBe('healthy')
  })

  it('the daemon serves on without its log, says so, and takes it up again', async () => {
    await tandem.run(['up'])
    const { logFile } = tandem.places
    rmSync(logFile)
    mkdirSync(logFile)
    await expect.poll(() => stateOf('log'), patiently).toBe('degraded')
    const { code, health } = await ask()
    expect(code).toBe(1)
    expect(partOf(health, 'log')).toMatchObject({ why: expect.stringMatching(/cannot be opened.*standard error/) })
    expect((await tandem.run(['threads'])).code).toBe(0)
    rmdirSync(logFile)
    await expect.poll(() => stateOf('log'), patiently).toBe('healthy')
    await expect.poll(logged, patiently).toContain('a part is healthy again')
  })

  it('a daemon can be started although its log cannot be opened', async () => {
    mkdirSync(tandem.places.logFile, { recursive: true, mode: 0o700 })
    execFileSync('chmod', ['-R', '0700', tandem.places.stateDir])
    expect(await tandem.run(['up'])).toMatchObject({ code: 0 })
    expect(await stateOf('log')).toBe('degraded')
  })

  it.runIf(canMount())('tells that the disk is full, and that it has room again', async () => {
    configure('[health]\nmin_free_disk_bytes = 1000000\n')
    const { stateDir } = tandem.places
    using _disk = mountTmpfs(stateDir, '24m')
    await tandem.run(['up'])
    await expect.poll(async () => (await ask()).code, patiently).toBe(0)
    const filler = join(stateDir, 'filler')
    fill(filler)
    await expect.poll(() => stateOf('disk'), patiently).toBe('down')
    const { code, health } = await ask()
    expect([code, health.state]).toEqual([2, 'down'])
    expect(partOf(health, 'disk')).toMatchObject({
      why: expect.stringContaining('0 MB are free'),
      cure: expect.stringContaining('df -h'),
    })
    rmSync(filler)
    await expect.poll(async () => (await ask()).code, patiently).toBe(0)
    await tandem.run(['down'])
  })

  it('goes on with what changes until Ctrl-C, over a new start of the daemon', async () => {
    const watching = tandem.start(['health', '--watch'])
    let shown = ''
    watching.stdout?.on('data', (chunk: Buffer) => void (shown += chunk.toString()))
    await expect.poll(() => shown, patiently).toContain('the daemon is not running')
    await tandem.run(['up'])
    await expect.poll(() => shown, patiently).toMatch(/socket: down -> healthy/)
    process.kill(tandem.daemonPid() ?? 0, 'SIGKILL')
    await expect.poll(() => shown, patiently).toMatch(/daemon: pid - -> (\d+)[^]*daemon: pid .* -> (?!\1)\d+/)
    watching.kill('SIGINT')
    await expect.poll(() => watching.exitCode, patiently).toBe(130)
  })
})

describe('tandem log-level', () => {
  it('changes what is logged until the daemon ends', async () => {
    expect(await tandem.run(['log-level'])).toMatchObject({ code: 69 })
    await tandem.run(['up'])
    expect((await tandem.run(['log-level'])).stdout).toBe('info\n')
    expect(logged()).not.toContain('client greeted')
    expect((await tandem.run(['log-level', 'debug'])).stdout).toBe('debug (info after the next start)\n')
    await tandem.run(['threads'])
    await expect.poll(logged, patiently).toContain('client greeted')
    expect((await tandem.run(['log-level', 'loud'])).code).toBe(2)
    await tandem.run(['down'])
    await tandem.run(['up'])
    expect((await tandem.run(['log-level'])).stdout).toBe('info\n')
  })
})

describe('an idle daemon', () => {
  it('ends in order with its supervisor, and not while a client is connected', async () => {
    configure('[daemon]\nidle_shutdown_ms = 1500\n')
    await tandem.run(['up'])
    const [daemon, supervisor] = [tandem.daemonPid() ?? 0, tandem.supervisorPid() ?? 0]
    {
      await using client = openClient()
      await client.connect()
      const until = Date.now() + 4000
      let looks = 0
      // A client that only is there: nothing is asked of the daemon.
      await expect.poll(() => ((looks += 1), Date.now() > until), { timeout: 10_000, interval: 200 }).toBe(true)
      expect(looks).toBeGreaterThan(5)
      expect(isAlive(daemon)).toBe(true)
      expect(await client.call('health', {}, { caller })).toMatchObject({ idle_shutdown_ms: 1500 })
    }
    await expect.poll(() => isAlive(daemon) || isAlive(supervisor), patiently).toBe(false)
    expect(logged()).toMatch(/nobody wanted anything.*"reason":"idle".*daemon stopped/s)
    expect(existsSync(tandem.places.socketPath)).toBe(false)
    expect((await ask()).code).toBe(2)
  })

  it('never loses a client that comes at that very moment', async () => {
    configure('[daemon]\nidle_shutdown_ms = 1000\n[http]\nenabled = false\n')
    const startDaemon = async (): Promise<void> => void (await tandem.run(['up']))
    const identity = { name: 'test', version: '0.0.0' }
    const pids = new Set<number>()
    const ends = (): number => logged().split('nobody wanted anything').length
    for (let round = 0; round < 8; round += 1) {
      const before = ends()
      {
        await using client = createClient({ places: tandem.places, clock: systemClock, identity, startDaemon })
        pids.add((await client.call('status', {}, { caller })).pid)
      }
      // In turn right after it has decided to end, and around that.
      const at = performance.now() + 850 + 60 * round
      const isTime = (): boolean => (round % 2 === 0 ? ends() > before : performance.now() > at)
      await expect.poll(isTime, { timeout: 20_000, interval: 3 }).toBe(true)
      await using late = createClient({ places: tandem.places, clock: systemClock, identity, startDaemon })
      expect(await late.call('threads', {}, { caller })).toEqual({ threads: [] })
    }
    expect(pids.size).toBeGreaterThanOrEqual(4)
  })
})

describe('where no process can be detached', () => {
  const main = fileURLToPath(new URL('../src/app/main.ts', import.meta.url))

  /** A command where `/bin/sh` is there and cannot be run, for this command alone. */
  function startWithoutShell(...argv: readonly string[]): ChildProcess {
    const script = 'mount --bind /etc/hostname "$(readlink -f /bin/sh)" && exec "$0" "$@"'
    const args = ['-m', '/bin/sh', '-c', script, process.execPath, main, ...argv]
    return spawn('unshare', args, { env: tandem.env, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  it.runIf(canMount())('up says why and runs the daemon itself, in order until it is told to end', async () => {
    configure('[codex]\npath = "/nowhere/codex"\n')
    const up = startWithoutShell('up')
    const ended = finished(up)
    await expect.poll(() => stateOf('socket'), patiently).toBe('healthy')
    const { health } = await ask()
    expect(health.pid).toBe(up.pid)
    expect(partOf(health, 'supervisor')).toMatchObject({ state: 'healthy', details: { is_supervised: false } })
    up.kill('SIGTERM')
    const { code, stderr } = await ended
    expect(code).toBe(0)
    expect(stderr).toMatch(/the supervisor could not be started: spawn/)
    expect(stderr).toContain('the daemon runs in this terminal, without a supervisor')
    expect(stderr).toContain(`the daemon is up: pid ${up.pid}`)
  })

  it.runIf(canMount())('a command that would start the daemon says what to do', async () => {
    const { code, stderr } = await finished(startWithoutShell('threads'))
    expect(code).toBe(69)
    expect(stderr).toMatch(
      /cure: leave the daemon running in a terminal of its own: tandem up --foreground\n.*SUPERVISOR_NOT_STARTED/,
    )
  })
})

function logged(): string {
  return existsSync(tandem.places.logFile) ? readFileSync(tandem.places.logFile, 'utf8') : ''
}

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
