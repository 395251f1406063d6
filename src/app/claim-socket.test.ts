import { chownSync, existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { assertSocketPathFits, claimSocket } from './claim-socket.ts'
import { tempPlaces } from '../../test/support/fake-daemon.ts'

let temp: ReturnType<typeof tempPlaces>
let path = ''
beforeEach(() => {
  temp = tempPlaces()
  path = temp.places.socketPath
  mkdirSync(temp.places.runtimeDir, { recursive: true, mode: 0o700 })
})
afterEach(() => temp[Symbol.dispose]())

async function leaveStaleSocket(): Promise<void> {
  const server = createServer()
  server.listen(`${path}.live`)
  await once(server, 'listening')
  renameSync(`${path}.live`, path)
  await new Promise<void>(resolve => void server.close(() => resolve()))
}

describe('claimSocket', () => {
  it('takes a free path, and removes a socket that nobody listens on', async () => {
    await claimSocket(path)
    await leaveStaleSocket()
    expect(existsSync(path)).toBe(true)
    await claimSocket(path)
    expect(existsSync(path)).toBe(false)
  })

  it.each([
    ['a file', () => writeFileSync(path, 'mine'), 'is a file, not a socket', 'move it away: mv'],
    ['a directory', () => mkdirSync(path), 'is a directory', 'move it away: mv'],
    ['a link', () => symlinkSync('/nowhere', path), 'is a link', 'remove it: rm'],
  ])('leaves %s where it is and says how to clear it', async (_, occupy, problem, cure) => {
    occupy()
    await expect(claimSocket(path)).rejects.toMatchObject({
      code: 'SOCKET_OCCUPIED',
      kind: 'conflict',
      message: `${path} ${problem}`,
      hint: expect.stringContaining(cure),
    })
  })

  it('leaves a socket on which another program listens', async () => {
    const server = createServer()
    server.listen(path)
    await once(server, 'listening')
    await expect(claimSocket(path)).rejects.toMatchObject({
      code: 'SOCKET_OCCUPIED',
      message: expect.stringMatching(/is in use/),
    })
    expect(existsSync(path)).toBe(true)
    await new Promise<void>(resolve => void server.close(() => resolve()))
  })

  it.runIf(process.getuid?.() === 0)("leaves another user's socket", async () => {
    await leaveStaleSocket()
    chownSync(path, 12_345, 12_345)
    await expect(claimSocket(path)).rejects.toMatchObject({
      code: 'SOCKET_OCCUPIED',
      message: expect.stringMatching(/belongs to user 12345/),
    })
    expect(existsSync(path)).toBe(true)
  })
})

describe('assertSocketPathFits', () => {
  it('counts bytes, up to what the system takes', () => {
    assertSocketPathFits(`/${'x'.repeat(106)}`)
    expect(() => assertSocketPathFits(`/${'ü'.repeat(54)}`)).toThrow(
      expect.objectContaining({ code: 'SOCKET_PATH_TOO_LONG', hint: expect.stringContaining('TANDEM_RUNTIME_DIR') }),
    )
  })
})
