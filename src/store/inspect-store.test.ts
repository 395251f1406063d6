import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Secret, silentLog, systemClock } from '#kernel'
import { inspectStore, openStore } from './index.ts'

let folder = ''
let file = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-inspect-'))
  file = join(folder, 'tandem.db')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const open = () => openStore({ file, clock: systemClock, log: silentLog })

/** Names, times and contents. */
async function facts(): Promise<readonly string[]> {
  const names = await readdir(folder)
  return Promise.all(
    names.map(async name => {
      const { mtimeMs } = await stat(join(folder, name))
      return `${name} ${mtimeMs} ${(await readFile(join(folder, name))).toString('base64')}`
    }),
  )
}

test('of none it says so, and makes none', async () => {
  expect(await inspectStore({ file })).toEqual({ place: file, version: undefined })
  expect(await readdir(folder)).toEqual([])
})

test('a sound one has its version, and not one byte or time of it changes', async () => {
  await (await open())[Symbol.asyncDispose]()
  const before = await facts()
  expect(await inspectStore({ file })).toEqual({ place: file, version: expect.any(Number) })
  expect(await facts()).toEqual(before)
})

test('one that is in use is looked at beside its writer', async () => {
  await using _store = await open()
  expect(await inspectStore({ file })).toMatchObject({ version: expect.any(Number) })
})

test('damage in the middle of the file is found', async () => {
  await (await open())[Symbol.asyncDispose]()
  const bytes = await readFile(file)
  // Every page behind the first: whichever holds what, something is not as it should be.
  bytes.fill(0x5a, 4096)
  await writeFile(file, bytes)
  await expect(inspectStore({ file })).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
})

test.each([
  ['no database at all', 'x'.repeat(5000)],
  ['half a page', 'SQLite format 3\0'],
])('%s is refused', async (_, text) => {
  await writeFile(file, text)
  await expect(inspectStore({ file })).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
})

test('a database of another program is refused', async () => {
  {
    using database = new DatabaseSync(file)
    database.exec('create table theirs (a)')
  }
  await expect(inspectStore({ file })).rejects.toMatchObject({ code: 'STORE_CORRUPT' })
})

test('a Postgres that is not there is named, without its password', async () => {
  const url = new Secret('postgres://me:very-secret@127.0.0.1:1/none')
  const failure: unknown = await inspectStore({ file, url }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'STORE_FAILED' })
  expect(JSON.stringify(failure) + String(failure)).not.toContain('very-secret')
})
