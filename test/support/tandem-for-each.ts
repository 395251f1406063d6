import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, expect } from 'vitest'
import { createClient } from '#client'
import { systemClock } from '#kernel'
import { createTestTandem, processesOf } from './tandem.ts'
import type { Client } from '#client'
import type { TestTandem } from './tandem.ts'

/** The program with a home of its own for each test of a file, and clients that end with the test. */
export interface TandemForEach {
  readonly tandem: TestTandem
  /** A client that starts no daemon. */
  readonly open: () => Client
  readonly logText: () => string
  /** What is left when all processes have ended: nothing, or files that only a running daemon has. */
  readonly leftOver: () => Promise<readonly string[]>
}

export const patiently = { timeout: 15_000, interval: 50 }

/** Called once in a file; its getter is of the test that runs. */
export function tandemForEach(): TandemForEach {
  let tandem: TestTandem
  const clients: Client[] = []
  beforeEach(() => void (tandem = createTestTandem()))
  afterEach(async () => {
    for (const client of clients.splice(0)) await client[Symbol.asyncDispose]()
    await tandem[Symbol.asyncDispose]()
  })
  return {
    get tandem() {
      return tandem
    },
    open() {
      const identity = { name: 'test', version: '0.0.1' }
      const client = createClient({ places: tandem.places, clock: systemClock, identity, connectTimeoutMs: 20_000 })
      clients.push(client)
      return client
    },
    logText: () => (existsSync(tandem.places.logFile) ? readFileSync(tandem.places.logFile, 'utf8') : ''),
    async leftOver() {
      await expect.poll(() => processesOf(tandem.root), patiently).toEqual([])
      const files = readdirSync(tandem.places.stateDir).filter(name => /^daemon\.(lock|json|pid)/.test(name))
      return [...readdirSync(tandem.places.runtimeDir), ...files]
    },
  }
}

/** Never 0: a signal to that goes to all of us. */
export function present(pid: number | undefined): number {
  if (pid === undefined) throw new Error('it does not run')
  return pid
}
