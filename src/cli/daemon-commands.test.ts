import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { AppError, createFakeClock } from '#kernel'
import { openLog } from '#ops'
import type { Health } from '#contracts'
import type { DownOutcome, ReadLogOptions, UpOptions, UpOutcome } from '#client'
import { createHarness, settle, startMs } from './test-harness.ts'

const started: UpOutcome = { kind: 'started', pid: 42, version: '0.1.0', socket: '/run/daemon.sock' }

describe('up', () => {
  test.each<[UpOutcome, number, string]>([
    [started, 0, 'the daemon is up: pid 42, version 0.1.0, /run/daemon.sock\n'],
    [
      { ...started, kind: 'already-running' },
      0,
      'the daemon was up already: pid 42, version 0.1.0, /run/daemon.sock\n',
    ],
    [{ kind: 'ended', exitCode: 7 }, 7, ''],
  ])('%j', async (outcome, code, stdout) => {
    const harness = createHarness({ lifecycle: { up: async () => outcome } })
    expect([await harness.run('up'), harness.stdout()]).toEqual([code, stdout])
  })

  test('says what is not as it should be, and is up all the same', async () => {
    const part = { since: 1, why: null, cure: null, looked_at: 1, details: {} }
    const wrong = { ...part, state: 'degraded' as const, why: 'no \x1b[31mkey', cure: 'tandem restart' }
    const health = async (): Promise<Health> => ({
      state: 'degraded',
      at: 1,
      version: '0.1.0',
      pid: 42,
      log_level: 'info',
      idle_since: 1,
      idle_shutdown_ms: 0,
      parts: [
        { ...part, part: 'socket', state: 'healthy' },
        { ...wrong, part: 'codex configuration' },
        { ...wrong, part: 'disk', looked_at: null },
      ],
    })
    const harness = createHarness({ lifecycle: { up: async () => started, health } })
    expect([await harness.run('up'), harness.stderr()]).toEqual([
      0,
      '  codex configuration is degraded: no key\n    cure: tandem restart\n',
    ])
  })

  test('passes --foreground on, and answers in JSON', async () => {
    const seen: UpOptions[] = []
    const up = async (options: UpOptions): Promise<UpOutcome> => {
      seen.push(options)
      return started
    }
    const harness = createHarness({ lifecycle: { up } })
    await harness.run('up', '--foreground', '--json')
    await harness.run('up')
    expect(seen).toMatchObject([{ foreground: true }, { foreground: false }])
    expect(JSON.parse(harness.stdout().split('\n')[0] ?? '')).toEqual(started)
  })

  test('says why it runs in the foreground although nobody asked for it', async () => {
    const up = async (options: UpOptions): Promise<UpOutcome> => {
      options.onForeground?.(new AppError('SUPERVISOR_NOT_STARTED', 'unavailable', 'no \x1b[31m/bin/sh'))
      return { kind: 'ended', exitCode: 0 }
    }
    const harness = createHarness({ lifecycle: { up } })
    expect([await harness.run('up'), harness.stdout(), harness.stderr()]).toEqual([
      0,
      '',
      'tandem: no /bin/sh\n  so the daemon runs in this terminal, without a supervisor, until it is stopped (Ctrl-C)\n',
    ])
  })

  test('a start that failed is a coded error', async () => {
    const up = async (): Promise<never> => {
      throw new AppError('DAEMON_START_FAILED', 'unavailable', 'it did not start')
    }
    const harness = createHarness({ lifecycle: { up } })
    expect([await harness.run('up'), harness.stderr()]).toEqual([
      69,
      'tandem: it did not start\n  code: DAEMON_START_FAILED\n',
    ])
  })
})

describe('down', () => {
  test.each<[DownOutcome, string]>([
    [{ kind: 'not-running' }, 'no daemon is running\n'],
    [{ kind: 'stopped', pid: 42, running: 0, wasForced: false }, 'the daemon with pid 42 is down\n'],
    [
      { kind: 'stopped', pid: 42, running: 2, wasForced: true },
      'the daemon with pid 42 is down (it had to be ended by force); of 2 running turns, those that had not ended go on at the next start\n',
    ],
  ])('%j', async (outcome, stdout) => {
    const harness = createHarness({ lifecycle: { down: async () => outcome } })
    expect([await harness.run('down'), harness.stdout()]).toEqual([0, stdout])
    await harness.run('down', '--json')
    expect(JSON.parse(harness.stdout().slice(stdout.length))).toEqual(outcome)
  })

  test('that takes long says what is waited for; whether turns run it does not know yet', async () => {
    const ended = Promise.withResolvers<DownOutcome>()
    const harness = createHarness({ lifecycle: { down: () => ended.promise } })
    const run = harness.run('down')
    await settle()
    harness.clock.advance(1000)
    expect(harness.stderr()).toBe(
      'waits for it to end; turns that run get time, and are stored when it takes too long\n',
    )
    ended.resolve({ kind: 'stopped', pid: 42, running: 0, wasForced: false })
    expect([await run, harness.stdout()]).toEqual([0, 'the daemon with pid 42 is down\n'])
  })
})

describe('logs', () => {
  /** As the daemon itself writes it, and the last words of a program that crashed. */
  async function writtenLog(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'tandem-logs-'))
    const file = join(folder, 'daemon.log')
    {
      await using log = openLog({ file, level: 'info', maxBytes: 1e6, clock: createFakeClock(startMs) })
      log.info({ turn: 't1', why: 'two words' }, 'turn finished')
      log.error({}, 'bad\u001b[2J')
    }
    const text = await readFile(file, 'utf8')
    await rm(folder, { recursive: true })
    return `${text}Segmentation \x1b[31mfault\n`
  }

  let text: string
  beforeAll(async () => void (text = await writtenLog()))

  const reading =
    (seen: ReadLogOptions[]) =>
    async (options: ReadLogOptions): Promise<void> => {
      seen.push(options)
      options.write(text)
      if (!options.follow) return
      await new Promise<void>(resolve => {
        options.signal.addEventListener('abort', () => resolve())
      })
    }

  test('lines of the logger in words, others as they are', async () => {
    const seen: ReadLogOptions[] = []
    const harness = createHarness({ lifecycle: { readLog: reading(seen) } })
    expect(await harness.run('logs', '-n', '3')).toBe(0)
    expect(harness.stdout()).toBe(
      [
        '2026-11-21T12:00:00.000Z info  turn finished turn=t1 why="two words"\n',
        '2026-11-21T12:00:00.000Z error bad\n',
        'Segmentation fault\n',
      ].join(''),
    )
    expect(seen).toMatchObject([{ lines: 3, follow: false }])
  })

  test('--json leaves the records as they are', async () => {
    const harness = createHarness({ lifecycle: { readLog: reading([]) } })
    await harness.run('logs', '--json')
    expect(JSON.parse(harness.stdout().split('\n')[0] ?? '')).toMatchObject({ level: 'info', msg: 'turn finished' })
  })

  test.each([
    [
      ['--level', 'error'],
      ['error bad', 'Segmentation fault'],
    ],
    [
      ['--level', 'info'],
      ['info  turn finished', 'error bad', 'Segmentation fault'],
    ],
    [['--since', '1s'], []],
    [
      ['--since', '2026-11-21T12:00:00Z'],
      ['info  turn finished', 'error bad', 'Segmentation fault'],
    ],
    [
      ['--since', '3h', '--level', 'warn', '--json'],
      ['"level":"error"', 'Segmentation fault'],
    ],
  ])('%j shows what is wanted', async (flags, expected) => {
    const seen: ReadLogOptions[] = []
    const harness = createHarness({
      lifecycle: {
        async readLog(options) {
          seen.push(options)
          for (const line of text.split('\n').filter(Boolean))
            if (options.isWanted?.(`${line}\n`) !== false) options.write(`${line}\n`)
        },
      },
    })
    harness.clock.advance(2000)
    expect(await harness.run('logs', ...flags)).toBe(0)
    const lines = harness.stdout().split('\n').slice(0, -1)
    expect(lines.map((line, at) => line.includes(expected[at] ?? '-'))).toEqual(expected.map(() => true))
    expect(seen[0]?.lines).toBe(flags.includes('--since') ? Infinity : 50)
  })

  test.each([
    ['--level', 'loud', 'debug, info, warn, error'],
    ['--since', 'yesterday', '90s, 10m, 2h, 3d'],
    ['--since', '2026-99-99', '90s, 10m, 2h, 3d'],
  ])('%s %s is refused with what it takes', async (flag, value, taken) => {
    const harness = createHarness()
    expect(await harness.run('logs', flag, value)).toBe(2)
    expect(harness.stderr()).toContain(taken)
  })

  test('-f goes on until Ctrl-C, or until the reader leaves', async () => {
    const seen: ReadLogOptions[] = []
    const harness = createHarness({ lifecycle: { readLog: reading(seen) } })
    const run = harness.run('logs', '-f')
    await settle()
    harness.interrupt()
    expect([await run, harness.listeners()]).toEqual([130, 0])
    expect(seen).toMatchObject([{ lines: 50, follow: true }])

    const left = createHarness({ lifecycle: { readLog: reading([]) } })
    const again = left.run('logs', '-f')
    await settle()
    left.breakStdout('EPIPE')
    expect([await again, left.stderr()]).toEqual([141, ''])
  })

  test.each(['x', '-1', '1.5', ''])('refuses %j lines', async lines => {
    const harness = createHarness()
    expect(await harness.run('logs', '-n', lines)).toBe(2)
    expect(harness.stderr()).toContain('code: CLI_USAGE')
  })
})
