import { mkdirSync } from 'node:fs'
import { afterEach, beforeEach, expect } from 'vitest'
import { createClient } from '#client'
import { createFakeClock, systemClock } from '#kernel'
import { createFakeVerbs, startTestDoor, tempPlaces } from '../../test/support/fake-daemon.ts'
import type { Client, ClientOptions } from '#client'
import type { FakeClock } from '#kernel'
import type { Caller, Places } from '#contracts'
import type { SocketDoor } from '#socket'
import type { FakeVerbs, TestDoorOptions } from '../../test/support/fake-daemon.ts'

/** The places of one test, with clients and doors in them that end with it. */
export interface ClientBench {
  readonly temp: ReturnType<typeof tempPlaces>
  readonly places: Places
  /** What answers behind every door of the test. */
  readonly verbs: FakeVerbs
  /** A door at the usual place, or at this path. */
  readonly startDoor: (more?: TestDoorOptions, path?: string) => Promise<SocketDoor>
  readonly open: (more?: Partial<ClientOptions>) => Client
  /** Ended after the test, the last one first. */
  readonly owns: (one: AsyncDisposable) => void
}

export const caller: Caller = { door: 'cli' }
export const question = { prompt: 'q', cd: '/x' }

/** Listened to from the start, so that it is never unhandled. */
export const failureOf = (answer: Promise<unknown>): Promise<unknown> => answer.catch((error: unknown) => error)

/** Called once in a file; its getters are of the test that runs. */
export function benchForEach(): ClientBench {
  let temp: ReturnType<typeof tempPlaces>
  let verbs: FakeVerbs
  const owned: AsyncDisposable[] = []
  beforeEach(() => {
    temp = tempPlaces()
    verbs = createFakeVerbs()
    for (const directory of [temp.places.stateDir, temp.places.runtimeDir])
      mkdirSync(directory, { recursive: true, mode: 0o700 })
  })
  afterEach(async () => {
    for (const one of owned.splice(0).reverse()) await one[Symbol.asyncDispose]()
    temp[Symbol.dispose]()
  })
  return {
    get temp() {
      return temp
    },
    get places() {
      return temp.places
    },
    get verbs() {
      return verbs
    },
    async startDoor(more = {}, path = temp.places.socketPath) {
      const door = await startTestDoor(path, verbs, more)
      owned.push(door)
      return door
    },
    open(more = {}) {
      const client = createClient({
        places: temp.places,
        clock: systemClock,
        identity: { name: 'test', version: '1.0.0' },
        connectTimeoutMs: 2000,
        patienceMs: 0,
        ...more,
      })
      owned.push(client)
      return client
    },
    owns: one => void owned.push(one),
  }
}

/** Moves only when told to; resolves when somebody has looked so often since. */
export function watchedClock(): { readonly clock: FakeClock; readonly hasLooked: (times: number) => Promise<void> } {
  const clock = createFakeClock()
  let looks = 0
  const monotonic = (): number => {
    looks += 1
    return clock.monotonic()
  }
  const hasLooked = (times: number): Promise<void> => {
    const before = looks
    return expect.poll(() => looks).toBeGreaterThanOrEqual(before + times)
  }
  return { clock: { ...clock, monotonic }, hasLooked }
}
