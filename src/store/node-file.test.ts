import { createFakeClock, newNodeId } from '#kernel'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { keptNodeId, nodeFileOf, readNodeFile } from './node-file.ts'
import { createSqliteHome } from './test-arms.ts'
import type { SqliteHome } from './test-arms.ts'

let home: SqliteHome
let file: string

beforeEach(() => {
  home = createSqliteHome()
  file = nodeFileOf(home.file)
})

afterEach(() => home[Symbol.dispose]())

const clock = createFakeClock()
const kept = (earlier = (): ReturnType<typeof readNodeFile> => undefined): string =>
  keptNodeId(file, { clock, earlier })

test('a new id is in the file, for the owner only, and stays', () => {
  const first = kept()
  expect(first).toMatch(/^node_/)
  expect([kept(), readNodeFile(file)]).toEqual([first, first])
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(dirname(file))).toEqual(['node-id'])
})

test('an earlier one is taken over, and not asked for again', () => {
  const earlier = newNodeId(1)
  expect(kept(() => earlier)).toBe(earlier)
  const asked = (): never => {
    throw new Error('it is in the file')
  }
  expect(kept(asked)).toBe(earlier)
})

test('what a process left that died while it wrote is no hindrance', () => {
  writeFileSync(`${file}.${process.pid}.tmp`, 'node_half')
  expect(kept()).toBe(readFileSync(file, 'utf8').trim())
})

test.each(['', 'node_', 'NODE_01hf7yat006pxcqr5c57t0ryks', 'node_01hf7yat00 6pxcqr5c57t0ryks', '\0'])(
  'a file with %j is refused and left: it may have been the owner of rows',
  text => {
    writeFileSync(file, text)
    expect(() => kept()).toThrow(expect.objectContaining({ code: 'STORE_FAILED' }))
    expect(readFileSync(file, 'utf8')).toBe(text)
  },
)

test('a place that cannot hold it says so', () => {
  expect(() => keptNodeId(nodeFileOf(`${file}/none/tandem.db`), { clock, earlier: () => undefined })).toThrow(
    expect.objectContaining({ code: 'STORE_FAILED' }),
  )
})
