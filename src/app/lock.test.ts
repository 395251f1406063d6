import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockHolder } from '#client'
import { systemClock } from '#kernel'
import { startContenders } from '../../test/support/lock-contenders.ts'
import { tempPlaces } from '../../test/support/fake-daemon.ts'
import { takeLock } from './lock.ts'

let temp: ReturnType<typeof tempPlaces>
let directory = ''

beforeEach(() => {
  temp = tempPlaces()
  directory = temp.places.stateDir
  mkdirSync(directory, { recursive: true, mode: 0o700 })
})
afterEach(() => temp[Symbol.dispose]())

describe('takeLock', () => {
  it('is for its owner alone, keeps other processes out, and leaves nothing', async () => {
    const lock = await takeLock(temp.places, systemClock, 0)
    expect(statSync(temp.places.lockFile).mode & 0o777).toBe(0o600)
    expect(lockHolder(temp.places.lockFile)).toBe(process.pid)
    await using contenders = await startContenders(directory, { count: 1, waitMs: 0 })
    contenders.all[0]?.tell()
    // Nobody started this process as a daemon.
    expect(await contenders.all[0]?.heard()).toBe('LOCK_HELD')
    lock[Symbol.dispose]()
    expect(readdirSync(directory)).toEqual([])
  })

  it('waits for a holder that is about to leave, and says who has it when that takes too long', async () => {
    await using contenders = await startContenders(directory, { count: 1, waitMs: 0 })
    const [holder] = contenders.all
    holder?.tell()
    await holder?.heard()
    writeFileSync(temp.places.addressFile, JSON.stringify({ socket: '/s', pid: 4711, version: '1', started_at: 1 }))
    await expect(takeLock(temp.places, systemClock, 50)).rejects.toMatchObject({
      code: 'DAEMON_ALREADY_RUNNING',
      message: 'a daemon is running already (pid 4711)',
    })
    const waiting = takeLock(temp.places, systemClock, 10_000)
    holder?.tell()
    await holder?.heard()
    using lock = await waiting
    expect(lock.file).toBe(temp.places.lockFile)
  })

  it('names another program that keeps every daemon out, and a command that ends it', async () => {
    const script = `const d = new (require('node:sqlite').DatabaseSync)(process.argv[1]); d.exec('create table t (a); begin; select * from t'); console.log('held'); setInterval(() => {}, 1000)`
    const other = spawn(process.execPath, ['-e', script, temp.places.lockFile], { stdio: ['ignore', 'pipe', 'ignore'] })
    await once(other.stdout, 'data')
    await expect(takeLock(temp.places, systemClock, 0)).rejects.toMatchObject({
      code: 'LOCK_HELD',
      hint: expect.stringContaining(`kill ${other.pid}`) as string,
    })
    other.kill()
    await once(other, 'exit')
    using lock = await takeLock(temp.places, systemClock, 0)
    expect(lock.file).toBe(temp.places.lockFile)
  })

  it('does not take a daemon for another program that is about to take it, and only reads yet', async () => {
    const script = `const d = new (require('node:sqlite').DatabaseSync)(process.argv[1]); d.exec('create table t (a); begin; select * from t'); console.log('held'); setInterval(() => {}, 1000)`
    const words = ['-e', script, temp.places.lockFile, 'daemon']
    const other = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'ignore'] })
    await once(other.stdout, 'data')
    await expect(takeLock(temp.places, systemClock, 0)).rejects.toMatchObject({ code: 'DAEMON_ALREADY_RUNNING' })
    other.kill()
    await once(other, 'exit')
  })

  it('names another program that has it for itself alone, too', async () => {
    await using contenders = await startContenders(directory, { count: 1, waitMs: 0, as: 'stranger' })
    const [other] = contenders.all
    other?.tell()
    expect(await other?.heard()).toBe('got')
    await expect(takeLock(temp.places, systemClock, 0)).rejects.toMatchObject({
      code: 'LOCK_HELD',
      hint: expect.stringContaining(`kill ${other?.pid}`) as string,
    })
  })

  it('refuses a file that it cannot lock, and does not follow a link', async () => {
    writeFileSync(temp.places.lockFile, 'this is no database, and it is long enough to be read as one'.repeat(20))
    await expect(takeLock(temp.places, systemClock, 0)).rejects.toMatchObject({ code: 'LOCK_UNUSABLE' })
    const other = { lockFile: `${directory}/linked.lock`, addressFile: temp.places.addressFile }
    symlinkSync(`${directory}/elsewhere`, other.lockFile)
    await expect(takeLock(other, systemClock, 0)).rejects.toMatchObject({ code: 'LOCK_UNUSABLE' })
    expect(existsSync(`${directory}/elsewhere`)).toBe(false)
  })
})
