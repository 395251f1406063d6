import { chmodSync, chownSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { stateIdentityOf } from '#client'
import { placesOf } from '#contracts'
import { benchForEach } from './test-harness.ts'

const bench = benchForEach()
const { open, startDoor } = bench

describe('finding the socket', () => {
  it('looks where the daemon wrote that it listens, when the environment says otherwise', async () => {
    await startDoor()
    const elsewhere = placesOf({ ...bench.temp.env, XDG_RUNTIME_DIR: `${bench.temp.root}/other` }, bench.temp.root)
    const address = { socket: bench.places.socketPath, pid: 1, version: '1', started_at: 1 }
    const write = (more: Record<string, string>): void =>
      writeFileSync(bench.places.addressFile, JSON.stringify({ ...address, ...more }))
    // Of another directory, and of an older daemon that does not hold the lock here.
    for (const more of [{ state_identity: '1:1' }, {}]) {
      write(more)
      await expect(open({ places: elsewhere }).connect()).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING' })
    }
    write({ state_identity: stateIdentityOf(bench.places) ?? '' })
    expect(await open({ places: elsewhere }).connect()).toMatchObject({ node_id: 'node_x' })
  })

  it('is not misled by a damaged address', async () => {
    writeFileSync(bench.places.addressFile, '{"socket": 7')
    await expect(open().connect()).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING' })
  })

  it.each([
    ['a directory that others may enter', () => chmodSync(bench.places.runtimeDir, 0o755), /can be entered by others/],
    ['a socket that others may use', () => chmodSync(bench.places.socketPath, 0o666), /is open to others/],
    [
      'a linked socket',
      () => {
        renameSync(bench.places.socketPath, `${bench.places.socketPath}.real`)
        symlinkSync(`${bench.places.socketPath}.real`, bench.places.socketPath)
      },
      /is a link/,
    ],
    [
      'a linked directory',
      () => {
        renameSync(bench.places.runtimeDir, `${bench.places.runtimeDir}.real`)
        symlinkSync(`${bench.places.runtimeDir}.real`, bench.places.runtimeDir)
      },
      /is a link/,
    ],
    [
      'a file in its place',
      () => {
        renameSync(bench.places.socketPath, `${bench.places.socketPath}.real`)
        writeFileSync(bench.places.socketPath, '')
      },
      /is not a socket/,
    ],
  ])('does not speak to %s', async (_, spoil, message) => {
    const door = await startDoor()
    spoil()
    const startDaemon = (): Promise<void> => Promise.reject(new Error('must not be called'))
    await expect(open({ startDaemon }).connect()).rejects.toMatchObject({
      code: 'DAEMON_UNSAFE_SOCKET',
      kind: 'denied',
      message: expect.stringMatching(message),
    })
    expect(door.clients).toBe(0)
  })

  it.runIf(process.getuid?.() === 0)("does not speak to another user's socket", async () => {
    await startDoor()
    chownSync(bench.places.runtimeDir, 12_345, 12_345)
    await expect(open().connect()).rejects.toMatchObject({
      code: 'DAEMON_UNSAFE_SOCKET',
      message: expect.stringMatching(/belongs to user 12345/),
    })
  })
})
