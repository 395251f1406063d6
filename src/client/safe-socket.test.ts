import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createClient } from '#client'
import { placesOf } from '#contracts'
import { AppError, systemClock } from '#kernel'
import type { Places } from '#contracts'

let root: string
let places: Places

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tandem-t-'))
  places = placesOf({ HOME: root, TANDEM_RUNTIME_DIR: join(root, "a person's own") }, root)
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

async function problem(): Promise<AppError> {
  const identity = { name: 'test', version: '1.0.0' }
  await using client = createClient({ places, clock: systemClock, identity, connectTimeoutMs: 2000, patienceMs: 0 })
  const found = await client.connect().catch((error: unknown) => error)
  if (!(found instanceof AppError)) throw new Error('it connected')
  return found
}

function makeDirectory(): void {
  mkdirSync(places.runtimeDir, { mode: 0o700 })
}

describe('the cure of what is in the place of the socket', () => {
  it.each<[string, () => void]>([
    ['a directory that others may enter', () => (makeDirectory(), chmodSync(places.runtimeDir, 0o755))],
    ['a file for a directory', () => writeFileSync(places.runtimeDir, '')],
    ['a linked directory', () => symlinkSync(root, places.runtimeDir)],
    ['a file for a socket', () => (makeDirectory(), writeFileSync(places.socketPath, ''))],
    ['a linked socket', () => (makeDirectory(), symlinkSync('/nowhere', places.socketPath))],
  ])('can be pasted, whatever the path holds: %s', async (_, spoil) => {
    spoil()
    const found = await problem()
    expect(found.code).toBe('DAEMON_UNSAFE_SOCKET')
    execFileSync('sh', ['-c', found.hint?.replace(/^[^:]*: /, '') ?? 'false'])
    expect((await problem()).code).toBe('DAEMON_NOT_RUNNING')
  })

  it('removes nothing where another program listens', async () => {
    makeDirectory()
    const server = createServer(socket => void socket.destroy())
    await new Promise<void>(resolve => void server.listen(places.socketPath, resolve))
    chmodSync(places.socketPath, 0o600)
    const { code, hint } = await problem()
    await new Promise<void>(resolve => void server.close(() => resolve()))
    const path = `'${places.socketPath.replace("'", "'\\''")}'`
    expect({ code, hint }).toEqual({ code: 'SOCKET_FOREIGN', hint: `find it: fuser ${path}; end it; then: tandem up` })
  })
})
