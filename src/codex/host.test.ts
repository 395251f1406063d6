import { existsSync } from 'node:fs'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createFakeClock, systemClock } from '#kernel'
import { codeOf, eventually, fakeCodex, hostIn, isAlive, openPlace, quick, soon, startFake } from './harness.ts'
import { createRestartPolicy, defaultRestartLimits } from './restart-policy.ts'
import type { LogFields } from '#kernel'
import type { CodexState } from './index.ts'

/* Supervision, against programs that misbehave on purpose. */

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

  test('takes its environment anew, so that a key which it did not know of is there the next time', async () => {
    const body = `on = message => send({ id: message.id, result: { data: [{ id: process.env.OWN_KEY ?? 'none' }] } })`
    let own: Record<string, string> = {}
    const readEnv = async () => ({ PATH: process.env['PATH'] ?? '', ...own })
    await using started = await startFake(body, { readEnv })
    const first = await started.host.connection(soon)
    expect((await first.listModels())[0]?.id).toBe('none')
    own = { OWN_KEY: 'there' }
    await started.host.restart('for the test')
    expect((await (await started.host.connection(soon)).listModels())[0]?.id).toBe('there')
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
    const states: CodexState[] = []
    host.onState(state => states.push(state))
    expect(await codeOf(host.connection({ timeoutMs: 100 }))).toBe('CODEX_START_TIMEOUT')
    await eventually('given up', () => host.state.kind === 'backing-off' || host.state.kind === 'broken')
    const pid = Number(await readFile(join(place.home, 'pid'), 'utf8'))
    expect(isAlive(pid)).toBe(false)
    // The next try is known to follow a failure, and so is its own time-out.
    await expect(host.connection({ timeoutMs: 500 })).rejects.toMatchObject({
      code: 'CODEX_START_TIMEOUT',
      message: expect.stringMatching(/within 500 ms: codex answered nothing to initialize/) as unknown,
      hint: expect.stringContaining('codex app-server') as unknown,
    })
    const starts = states.filter(state => state.kind === 'starting')
    expect(starts).toMatchObject([{ lastError: null }, { lastError: expect.stringMatching(/initialize/) as unknown }])
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
      hint: expect.stringContaining('see what is wrong with its setup: tandem check') as unknown,
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
