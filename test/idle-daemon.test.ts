import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createClient, isAlive } from '#client'
import { systemClock } from '#kernel'
import { configure, healthOf, openClient } from './support/health-of.ts'
import { tandemForEach } from './support/tandem-for-each.ts'

const patiently = { timeout: 30_000, interval: 100 }
const caller = { door: 'socket' } as const

const on = tandemForEach()
const { logText: logged } = on

describe('an idle daemon', () => {
  it('ends in order with its supervisor, and not while a client is connected', async () => {
    configure(on.tandem, '[daemon]\nidle_shutdown_ms = 1500\n')
    await on.tandem.run(['up'])
    const [daemon, supervisor] = [on.tandem.daemonPid() ?? 0, on.tandem.supervisorPid() ?? 0]
    {
      await using client = openClient(on.tandem)
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
    expect(existsSync(on.tandem.places.socketPath)).toBe(false)
    expect((await healthOf(on.tandem)).code).toBe(2)
  })

  it('never loses a client that comes at that very moment', async () => {
    configure(on.tandem, '[daemon]\nidle_shutdown_ms = 1000\n[http]\nenabled = false\n')
    // Not waited for: what is up may be idle, and gone, before a slow machine comes back to us.
    const startDaemon = async () => ({ pid: on.tandem.start(['up']).pid })
    const identity = { name: 'test', version: '0.0.0' }
    const open = () =>
      createClient({ places: on.tandem.places, clock: systemClock, identity, startDaemon, connectTimeoutMs: 30_000 })
    const pids = new Set<number>()
    const ends = (): number => logged().split('nobody wanted anything').length
    for (let round = 0; round < 8; round += 1) {
      const before = ends()
      {
        await using client = open()
        pids.add((await client.call('status', {}, { caller })).pid)
      }
      // In turn right after it has decided to end, and around that.
      const at = performance.now() + 850 + 60 * round
      const isTime = (): boolean => (round % 2 === 0 ? ends() > before : performance.now() > at)
      await expect.poll(isTime, { timeout: 20_000, interval: 3 }).toBe(true)
      await using late = open()
      expect(await late.call('threads', {}, { caller })).toEqual({ threads: [] })
    }
    expect(pids.size).toBeGreaterThanOrEqual(4)
  })
})
