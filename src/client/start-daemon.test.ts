import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { AppError, systemClock } from '#kernel'
import { benchForEach, failureOf } from './test-harness.ts'

const bench = benchForEach()
const { open, startDoor } = bench

describe('a daemon that is not there', () => {
  it('is an error with the cure when nobody may start one', async () => {
    await expect(open().connect()).rejects.toMatchObject({ code: 'DAEMON_NOT_RUNNING', hint: 'start it: tandem up' })
  })

  it('is started once, also from a stale socket, and then connected to', async () => {
    const dead = await startDoor()
    renameSync(bench.places.socketPath, `${bench.places.socketPath}.kept`)
    await dead[Symbol.asyncDispose]()
    let starts = 0
    const startDaemon = async (): Promise<void> => {
      starts += 1
      void startDoor()
    }
    const client = open({ startDaemon })
    await Promise.all([client.connect(), client.connect(), client.connect()])
    expect(starts).toBe(1)
  })

  it('rejects with what the daemon said about its failed start', async () => {
    writeFileSync(
      `${bench.places.stateDir}/start-error.json`,
      JSON.stringify({ at: 1, pid: 1, error: { code: 'OLD', kind: 'bug', message: '' } }),
    )
    const error = { code: 'CONFIG_INVALID', kind: 'invalid', message: 'config.toml: nonsense', hint: 'correct it' }
    const startDaemon = async (): Promise<void> =>
      writeFileSync(`${bench.places.stateDir}/start-error.json`, JSON.stringify({ at: Date.now(), pid: 1, error }))
    await expect(open({ startDaemon }).connect()).rejects.toMatchObject(error)
  })

  /** A supervisor that ends at once. */
  const brief = async (): Promise<{ readonly pid: number | undefined }> => {
    const child = spawn('/bin/true')
    await once(child, 'exit')
    return { pid: child.pid }
  }

  it('is started again when it ended before it was reached', async () => {
    let starts = 0
    const startDaemon = async () => {
      starts += 1
      if (starts === 3) void startDoor()
      return starts < 3 ? await brief() : { pid: process.pid }
    }
    expect(await open({ startDaemon }).connect()).toMatchObject({ pid: process.pid })
    expect(starts).toBe(3)
  })

  it('is not started for ever, and not again after a failure that it told', async () => {
    let starts = 0
    const again = async () => {
      starts += 1
      return await brief()
    }
    expect(await failureOf(open({ startDaemon: again, connectTimeoutMs: 1000 }).connect())).toMatchObject({
      code: 'DAEMON_START_TIMEOUT',
    })
    expect(starts).toBe(3)
    const failing = async () => {
      const error = { code: 'CONFIG_INVALID', kind: 'invalid', message: 'nonsense' }
      writeFileSync(`${bench.places.stateDir}/start-error.json`, JSON.stringify({ at: Date.now(), pid: 1, error }))
      return await again()
    }
    expect(await failureOf(open({ startDaemon: failing }).connect())).toMatchObject({ code: 'CONFIG_INVALID' })
    expect(starts).toBe(4)
  })

  it('times out with commands that tell why and can be pasted, and says where the log is', async () => {
    const client = open({ startDaemon: async () => undefined, connectTimeoutMs: 150 })
    await expect(client.connect()).rejects.toMatchObject({
      code: 'DAEMON_START_TIMEOUT',
      message: expect.stringContaining(bench.places.logFile),
      hint: 'see why: tandem check; tandem logs',
    })
  })

  it('rejects with what its start function throws', async () => {
    const startDaemon = (): Promise<void> => Promise.reject(new AppError('NO_SHELL', 'unavailable', 'no sh'))
    await expect(open({ startDaemon }).connect()).rejects.toMatchObject({ code: 'NO_SHELL' })
  })
})

describe('a daemon that is killed when one has waited for it for long', () => {
  it('is waited for further, and not taken for another program', async () => {
    const launched = Promise.withResolvers<void>()
    let passedMs = 0
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + passedMs }
    const client = open({ clock, connectTimeoutMs: 15_000, startDaemon: async () => launched.resolve() })
    const connecting = client.connect()
    connecting.catch(() => undefined)
    // Longer than a program that always hangs up is put up with.
    await launched.promise
    passedMs = 2500
    const killed = createServer(socket => {
      socket.destroy()
      killed.close()
    })
    await new Promise<void>(resolve => void killed.listen(bench.places.socketPath, resolve))
    chmodSync(bench.places.socketPath, 0o600)
    await once(killed, 'close')
    await startDoor()
    expect(await connecting).toMatchObject({ pid: process.pid })
  })
})
