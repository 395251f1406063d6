import { mkdirSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tempPlaces } from '../../test/support/fake-daemon.ts'
import { assertStartable } from './assert-startable.ts'

let temp: ReturnType<typeof tempPlaces>
beforeEach(() => {
  temp = tempPlaces()
  for (const directory of [temp.places.configDir, temp.places.stateDir, temp.places.runtimeDir])
    mkdirSync(directory, { recursive: true, mode: 0o700 })
})
afterEach(() => temp[Symbol.dispose]())

it.each([
  ['postgres://user:pass/word@127.0.0.1/tandem', 'STORE_URL_INVALID'],
  // Nobody listens there.
  ['postgres://user@127.0.0.1:1/tandem', 'STORE_FAILED'],
])('refuses a database that no daemon could work with: %s', async (url, code) => {
  writeFileSync(temp.places.configFile, `[store]\nurl = ${JSON.stringify(url)}\n`)
  await expect(assertStartable(temp.places)).rejects.toMatchObject({ code })
})

it('answers what is configured, and makes nothing', async () => {
  writeFileSync(temp.places.configFile, '[turns]\nstop_grace_ms = 7\n')
  expect(await assertStartable(temp.places)).toMatchObject({ turns: { stop_grace_ms: 7 } })
})
