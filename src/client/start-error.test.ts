import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createClient, readHealth, startErrorFilesOf } from '#client'
import { systemClock } from '#kernel'
import { tempPlaces } from '../../test/support/fake-daemon.ts'
import { markStartErrors, readStartError } from './start-error.ts'

let temp: ReturnType<typeof tempPlaces>
beforeEach(() => {
  temp = tempPlaces()
  for (const directory of [temp.places.stateDir, temp.places.runtimeDir])
    mkdirSync(directory, { recursive: true, mode: 0o700 })
})
afterEach(() => temp[Symbol.dispose]())

/** As a daemon does it. */
function leave(file: string, code: string, at: number): void {
  writeFileSync(`${file}.draft`, JSON.stringify({ at, pid: 1, error: { code, kind: 'bug', message: '' } }))
  renameSync(`${file}.draft`, file)
}

it('tells an error that is left later from those that were there, whatever the clock says', async () => {
  const { places } = temp
  const [usual, spare] = startErrorFilesOf(places)
  leave(usual, 'OLD', 2000)
  expect(await readStartError(places)).toMatchObject({ code: 'OLD' })
  const before = await markStartErrors(places)
  expect(await readStartError(places, before)).toBeUndefined()
  leave(spare, 'SPARE', 1)
  expect(await readStartError(places, before)).toMatchObject({ code: 'SPARE' })
  rmSync(usual)
  leave(usual, 'NEW', 1)
  expect(await readStartError(places, before)).toMatchObject({ code: 'NEW' })
})

it.each([-3_600_000, 3_600_000])('a start whose clock is set by %i ms tells why it failed', async jump => {
  const [file] = startErrorFilesOf(temp.places)
  await using client = createClient({
    places: temp.places,
    clock: systemClock,
    identity: { name: 'test', version: '1.0.0' },
    connectTimeoutMs: 2000,
    startDaemon: async () => leave(file, 'CONFIG_INVALID', Date.now() + jump),
  })
  await expect(client.connect()).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

it('is told by the health where no daemon runs, with its cure', async () => {
  const { places } = temp
  const [file] = startErrorFilesOf(places)
  const error = { code: 'STORE_FULL', kind: 'unavailable', message: 'no room', hint: 'make some' }
  writeFileSync(file, JSON.stringify({ at: 1, pid: 1, error }))
  const health = await readHealth({ places, clock: systemClock, identity: { name: 'test', version: '1.0.0' } })
  expect(health.parts).toMatchObject([
    { why: 'the daemon is not running; its last start failed: no room', cure: 'make some; then: tandem up' },
  ])
})
