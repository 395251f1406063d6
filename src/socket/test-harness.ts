import { mkdirSync } from 'node:fs'
import { afterEach, beforeEach, expect } from 'vitest'
import { createFakeVerbs, startTestDoor, tempPlaces } from '../../test/support/fake-daemon.ts'
import { connectRaw } from '../../test/support/raw-client.ts'
import type { SocketDoor } from '#socket'
import type { FakeVerbs, TestDoorOptions } from '../../test/support/fake-daemon.ts'
import type { RawClient } from '../../test/support/raw-client.ts'

/** A door in a place of its own, and clients that end with the test. */
export interface SocketBench {
  readonly door: SocketDoor
  readonly verbs: FakeVerbs
  /** Of the socket. */
  readonly path: string
  /** Another door in another place, instead of the one that is there. */
  readonly restart: (more: TestDoorOptions) => Promise<void>
  /** With the greeting, unless that is not wanted. */
  readonly connect: (options?: { readonly greet?: boolean }) => Promise<RawClient>
  /** What another client is answered: what the bad one did hurt nobody else when it is `alive`. */
  readonly answerOfAnother: () => Promise<unknown>
}

export const caller = { door: 'cli' }
export const call = (id: number | string, method: string, input: object = {}, more: object = {}): object => ({
  jsonrpc: '2.0',
  id,
  method,
  params: { input, caller, ...more },
})
export const errorOf = (code: number, name: string): object => ({
  error: expect.objectContaining({ code, data: expect.objectContaining({ code: name }) }),
})
export const alive = { jsonrpc: '2.0', id: 1, result: { fine: true } }

/** Called once in a file; its getters are of the test that runs. */
export function benchForEach(): SocketBench {
  let temp: ReturnType<typeof tempPlaces>
  let verbs: FakeVerbs
  let door: SocketDoor
  const clients: RawClient[] = []

  async function start(more: TestDoorOptions = {}): Promise<void> {
    temp = tempPlaces()
    mkdirSync(temp.places.runtimeDir, { recursive: true, mode: 0o700 })
    verbs = createFakeVerbs()
    door = await startTestDoor(temp.places.socketPath, verbs, more)
  }

  async function end(): Promise<void> {
    await door[Symbol.asyncDispose]()
    temp[Symbol.dispose]()
  }

  async function connect(options: { readonly greet?: boolean } = {}): Promise<RawClient> {
    const client = await connectRaw(temp.places.socketPath)
    clients.push(client)
    if (options.greet ?? true) await client.hello()
    return client
  }

  beforeEach(() => start())
  afterEach(async () => {
    for (const client of clients.splice(0)) client[Symbol.dispose]()
    await end()
  })
  return {
    get door() {
      return door
    },
    get verbs() {
      return verbs
    },
    get path() {
      return temp.places.socketPath
    },
    async restart(more) {
      await end()
      await start(more)
    },
    connect,
    async answerOfAnother() {
      const client = await connect()
      const index = verbs.calls.length
      client.send(call(1, 'status'))
      ;(await verbs.nth(index)).answer({ fine: true })
      const answer = await client.next()
      client[Symbol.dispose]()
      return answer
    },
  }
}
