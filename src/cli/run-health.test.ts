import { describe, expect, test } from 'vitest'
import type { Health, PartHealth } from '#contracts'
import { AppError } from '#kernel'
import { createHarness, settle, startMs } from './test-harness.ts'

const part = (change: Partial<PartHealth>): PartHealth => ({
  part: 'disk',
  state: 'healthy',
  since: startMs - 65_000,
  why: null,
  cure: null,
  looked_at: startMs,
  details: {},
  ...change,
})

const health = (change: Partial<Health> = {}): Health => ({
  state: 'healthy',
  at: startMs,
  version: '0.1.0',
  pid: 42,
  log_level: 'info',
  idle_since: startMs - 3000,
  idle_shutdown_ms: 0,
  parts: [part({ details: { free_bytes: 5_000_000_000 } })],
  ...change,
})

const sick = part({ part: 'log', state: 'degraded', why: 'no \x1b[2Jroom', cure: 'make\x07 some', since: null })

describe('tandem health', () => {
  test.each([
    ['healthy', 0],
    ['degraded', 1],
    ['down', 2],
  ] as const)('%s ends with %i, and starts no daemon', async (state, code) => {
    const harness = createHarness({ lifecycle: { health: async () => health({ state }) } })
    expect(await harness.run('health')).toBe(code)
    expect(harness.log).toEqual([])
  })

  test('on a terminal tells of the daemon, its parts, and the cures', async () => {
    const lifecycle = { health: async () => health({ state: 'degraded', parts: [part({}), sick], idle_since: null }) }
    const harness = createHarness({ terminal: 'both', columns: 100, lifecycle, environment: { NO_COLOR: '1' } })
    await harness.run('health')
    expect(harness.stdout()).toBe(
      [
        'degraded: tandem 0.1.0, pid 42, at work, log level info',
        'PART  STATE     SINCE   WHY',
        'disk  healthy   1m ago',
        'log   degraded  -       no room',
        '  cure of log: make some',
        '',
      ].join('\n'),
    )
  })

  test('says when it will end for want of work, and what is worth a look', async () => {
    const lifecycle = { health: async () => health({ idle_shutdown_ms: 600_000 }) }
    const harness = createHarness({ terminal: 'both', columns: 100, lifecycle, environment: { NO_COLOR: '1' } })
    await harness.run('health')
    expect(harness.stdout()).toContain('idle for 3s, ends when it was idle for 10m 00s')
    expect(harness.stdout()).toContain('5000 MB free')
  })

  test('piped it is a line for each part with its cure; with --json the whole', async () => {
    const whole = health({ state: 'degraded', parts: [part({}), sick] })
    const harness = createHarness({ lifecycle: { health: async () => whole } })
    await harness.run('health')
    expect(harness.stdout()).toBe('disk\thealthy\t2026-11-21T11:58:55Z\t\t\nlog\tdegraded\t-\tno room\tmake some\n')
    const json = createHarness({ lifecycle: { health: async () => whole } })
    expect(await json.run('health', '--json')).toBe(1)
    expect(JSON.parse(json.stdout())).toEqual(whole)
    expect(json.stdout()).not.toMatch(/[\x1b\x07]/)
  })

  test('with --watch goes on with what changes, until Ctrl-C', async () => {
    const answers = [
      health({ state: 'degraded', parts: [part({}), sick] }),
      health({ parts: [part({}), part({ part: 'log' })] }),
      health({ parts: [part({}), part({ part: 'log' })] }),
      health({ state: 'down', pid: null, parts: [part({ part: 'socket', state: 'down', why: 'gone' })] }),
    ]
    let asked = 0
    const harness = createHarness({ lifecycle: { health: async () => answers[asked++] ?? health() } })
    const watching = harness.run('health', '--watch')
    for (const _ of answers) {
      await settle()
      harness.clock.advance(1000)
    }
    await settle()
    harness.interrupt()
    expect(await watching).toBe(130)
    expect(harness.stdout().split('\n').slice(2, 5)).toEqual([
      '2026-11-21T12:00:00Z log: degraded -> healthy',
      '2026-11-21T12:00:00Z daemon: pid 42 -> -',
      '2026-11-21T12:00:00Z socket: not known -> down: gone',
    ])
    expect(harness.listeners()).toBe(0)
  })

  test('with --watch Ctrl-C leaves also while the daemon hangs, and ends the look under way', async () => {
    const looks: (AbortSignal | undefined)[] = []
    const hang = async (signal?: AbortSignal): Promise<Health> => {
      looks.push(signal)
      return looks.length === 1 ? health() : await new Promise<never>(() => undefined)
    }
    const harness = createHarness({ lifecycle: { health: hang } })
    const watching = harness.run('health', '--watch')
    await settle()
    harness.clock.advance(1000)
    await settle()
    expect(looks).toHaveLength(2)
    harness.interrupt()
    expect(await watching).toBe(130)
    expect(looks[1]?.aborted).toBe(true)
  })

  test('with --watch a failure of a look ends it as a failure', async () => {
    let isFirst = true
    const harness = createHarness({
      lifecycle: {
        async health() {
          if (!isFirst) throw new AppError('DAEMON_ERROR', 'bug', 'odd')
          isFirst = false
          return health()
        },
      },
    })
    const watching = harness.run('health', '--watch')
    await settle()
    harness.clock.advance(1000)
    expect(await watching).toBe(70)
    expect(harness.listeners()).toBe(0)
  })
})
