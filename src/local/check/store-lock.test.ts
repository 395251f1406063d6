import { mkdirSync } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { tempPlaces } from '../../../test/support/fake-daemon.ts'
import { holdDatabase } from '../../../test/support/hold-database.ts'
import { writerOf } from './store-lock.ts'

let temp: ReturnType<typeof tempPlaces>
beforeEach(() => {
  temp = tempPlaces()
  mkdirSync(temp.places.stateDir, { recursive: true, mode: 0o700 })
})
afterEach(() => temp[Symbol.dispose]())

it('names a program that keeps writing, unless it is the daemon', async () => {
  const { storeFile } = temp.places
  await using holder = await holdDatabase(storeFile)
  expect(await writerOf(storeFile)).toBe(holder.pid)
  expect(await writerOf(storeFile, 1)).toBe(holder.pid)
  expect(await writerOf(storeFile, holder.pid)).toBeUndefined()
})

it('names nobody when nobody does', async () => {
  const { storeFile } = temp.places
  await (await holdDatabase(storeFile))[Symbol.asyncDispose]()
  expect(await writerOf(storeFile)).toBeUndefined()
})
