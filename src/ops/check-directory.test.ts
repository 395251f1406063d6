import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { checkPrivateDirectory } from '#ops'

let root = ''
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'tandem-ops-'))))
afterEach(() => rmSync(root, { recursive: true, force: true }))

const check = (name: string) => checkPrivateDirectory(join(root, name), 'TANDEM_STATE_DIR')

it('says whether it is there, and makes none', async () => {
  mkdirSync(join(root, 'there'), { mode: 0o700 })
  expect([await check('there'), await check('a/b/c')]).toEqual([true, false])
  expect(readdirSync(root)).toEqual(['there'])
})

it('refuses what the start would refuse', async () => {
  mkdirSync(join(root, 'open'), { mode: 0o755 })
  symlinkSync(root, join(root, 'link'))
  writeFileSync(join(root, 'file'), '')
  for (const name of ['open', 'link', 'file'])
    await expect(check(name)).rejects.toMatchObject({ code: 'DIRECTORY_UNSAFE' })
  await expect(check('file/below')).rejects.toMatchObject({ code: 'DIRECTORY_UNWRITABLE' })
})
