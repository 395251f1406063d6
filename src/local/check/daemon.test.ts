import { once } from 'node:events'
import { chmodSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '#kernel'
import { tempPlaces } from '../../../test/support/fake-daemon.ts'
import { startContenders } from '../../../test/support/lock-contenders.ts'
import type { PartHealth } from '#contracts'
import type { DaemonState } from './daemon.ts'
import { findDaemon, isThere, lookAtDaemon, lookAtLastStart, refusalOfSocket } from './daemon.ts'

let temp: ReturnType<typeof tempPlaces>
let stack: AsyncDisposableStack

beforeEach(() => {
  temp = tempPlaces()
  stack = new AsyncDisposableStack()
  for (const directory of [temp.places.stateDir, temp.places.runtimeDir])
    mkdirSync(directory, { recursive: true, mode: 0o700 })
})
afterEach(async () => {
  await stack.disposeAsync()
  temp[Symbol.dispose]()
})

async function holdLock(as: 'daemon' | 'stranger'): Promise<void> {
  const { all } = stack.use(await startContenders(temp.places.stateDir, { count: 1, waitMs: 0, as }))
  all[0]?.tell()
  expect(await all[0]?.heard()).toBe('got')
}

const find = () => findDaemon({ places: temp.places, version: '1.0.0', clock: systemClock })
const deps = () => ({ isPlaceGood: true, tryLock: async () => undefined, version: '1.0.0', places: temp.places })

it('another program that holds the lock is no daemon that hangs', async () => {
  await holdLock('stranger')
  const found = await find()
  await expect(lookAtDaemon(found, deps())).rejects.toMatchObject({ code: 'LOCK_HELD' })
  expect(isThere(found)).toBe(false)
  expect(await lookAtLastStart(temp.places, found)).toMatchObject({ message: 'none has failed' })
})

it('a program that hangs up in the place of a daemon is what has to go first', async () => {
  await holdLock('daemon')
  const server = createServer(socket => socket.on('error', () => undefined).destroy())
  server.listen(temp.places.socketPath)
  await once(server, 'listening')
  chmodSync(temp.places.socketPath, 0o600)
  stack.defer(() => new Promise(resolve => void server.close(() => resolve())))
  const daemon = await find()
  expect(refusalOfSocket(daemon)).toMatchObject({ code: 'SOCKET_FOREIGN' })
  expect(await lookAtDaemon(daemon, deps())).toMatchObject({ kind: 'skipped' })
})

it('a daemon that holds the lock and is not there hangs', async () => {
  await holdLock('daemon')
  await expect(lookAtDaemon(await find(), deps())).rejects.toMatchObject({ code: 'DAEMON_HANGS' })
})

const part = (name: string, details: PartHealth['details'] = {}): PartHealth => ({
  part: name,
  state: 'degraded',
  since: 1,
  why: 'it died too often',
  cure: 'tandem logs',
  looked_at: 1,
  details,
})

const answering = (...parts: PartHealth[]): DaemonState => ({
  kind: 'answers',
  pid: 7,
  hello: { protocol: 1, version: '1.0.0', pid: 7, node_id: 'node_x', running: 0, can_upgrade: true },
  health: {
    state: 'degraded',
    at: 1,
    version: '1.0.0',
    pid: 7,
    log_level: 'info',
    idle_since: 1,
    idle_shutdown_ms: 0,
    parts,
  },
})

it.each([[part('codex', { last_error: 'exit code 3' })], [part('store write')], [part('supervisor')]])(
  'a part of the daemon that does not work is a problem: %j',
  async wrong => {
    await expect(lookAtDaemon(answering(part('memory'), wrong), deps())).rejects.toMatchObject({
      code: 'DAEMON_PART_WRONG',
      message: `its part ${wrong.part}: it died too often`,
      hint: 'tandem logs',
    })
  },
)

it('a busy machine, and what has a finding of its own, is none', async () => {
  const daemon = answering(part('event loop'), part('http'), part('codex', { last_error: null }), part('policy'))
  expect(await lookAtDaemon(daemon, deps())).toMatchObject({ kind: 'ok' })
})
