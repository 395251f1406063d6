import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { checkPrivateDirectory, ensurePrivateDirectory } from '#ops'

let root = ''
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'tandem-ops-'))))
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('ensurePrivateDirectory', () => {
  it('makes the directory with its parents, for us alone, and takes it again', async () => {
    const path = join(root, 'a/b/c')
    await ensurePrivateDirectory(path, 'TANDEM_STATE_DIR')
    await ensurePrivateDirectory(path, 'TANDEM_STATE_DIR')
    expect(statSync(path).mode & 0o777).toBe(0o700)
  })

  it('refuses one that others may enter, with the command that cures it', async () => {
    const path = join(root, "it's open")
    mkdirSync(path)
    chmodSync(path, 0o755)
    await expect(ensurePrivateDirectory(path, 'TANDEM_STATE_DIR')).rejects.toMatchObject({
      code: 'DIRECTORY_UNSAFE',
      kind: 'denied',
      message: `${path} has mode 0755, not 0700`,
      hint: `run: chmod 700 '${root}/it'\\''s open'`,
    })
    expect(statSync(path).mode & 0o777).toBe(0o755)
  })

  it('refuses a link, even to a directory that is fine', async () => {
    mkdirSync(join(root, 'real'), { mode: 0o700 })
    symlinkSync(join(root, 'real'), join(root, 'link'))
    await expect(ensurePrivateDirectory(join(root, 'link'), 'TANDEM_STATE_DIR')).rejects.toMatchObject({
      code: 'DIRECTORY_UNSAFE',
      message: `${root}/link is a link`,
      hint: `name the directory itself: export TANDEM_STATE_DIR=${realpathSync(root)}/real; or remove the link: rm ${root}/link`,
    })
  })

  it('refuses a link to nowhere and a file', async () => {
    symlinkSync(join(root, 'nowhere'), join(root, 'dangling'))
    writeFileSync(join(root, 'file'), '')
    await expect(ensurePrivateDirectory(join(root, 'dangling'), 'TANDEM_STATE_DIR')).rejects.toMatchObject({
      message: `${root}/dangling is a link`,
      hint: `remove the link: rm ${root}/dangling`,
    })
    await expect(ensurePrivateDirectory(join(root, 'file'), 'TANDEM_STATE_DIR')).rejects.toMatchObject({
      code: 'DIRECTORY_UNSAFE',
      message: `${root}/file is not a directory`,
      hint: 'name a directory of your own: export TANDEM_STATE_DIR=…',
    })
  })

  it('says what is wrong when a parent cannot hold it', async () => {
    writeFileSync(join(root, 'file'), '')
    await expect(ensurePrivateDirectory(join(root, 'file/below'), 'TANDEM_STATE_DIR')).rejects.toMatchObject({
      code: 'DIRECTORY_UNWRITABLE',
      hint: 'make its parent writable; or name a directory of your own: export TANDEM_STATE_DIR=…',
    })
  })

  it.runIf(process.getuid?.() === 0)("refuses another user's directory", async () => {
    const path = join(root, 'theirs')
    mkdirSync(path, { mode: 0o700 })
    chownSync(path, 12_345, 12_345)
    await expect(ensurePrivateDirectory(path, 'TANDEM_STATE_DIR')).rejects.toMatchObject({
      code: 'DIRECTORY_UNSAFE',
      message: `${path} belongs to user 12345, not to 0`,
      hint: 'run the command as that user, without sudo; or set TANDEM_STATE_DIR to a directory of your own',
    })
  })

  it.runIf(process.getuid?.() === 0)('never tells a user to remove what one command under sudo has taken', async () => {
    const home = join(root, 'home')
    const path = join(home, '.local/state/tandem')
    mkdirSync(path, { recursive: true, mode: 0o700 })
    chownSync(home, 12_345, 12_345)
    mkdirSync(join(root, 'foreign'), { mode: 0o700 })
    using _user = vi.spyOn(process, 'getuid').mockReturnValue(12_345)
    await expect(ensurePrivateDirectory(path, 'TANDEM_STATE_DIR')).rejects.toMatchObject({
      message: `${path} belongs to user 0, not to 12345`,
      hint: `set TANDEM_STATE_DIR to a directory of your own, or take this one back, with what is in it: sudo chown -R 12345 ${path}`,
    })
    await expect(ensurePrivateDirectory(join(root, 'foreign'), 'TANDEM_STATE_DIR')).rejects.toMatchObject({
      hint: 'set TANDEM_STATE_DIR to a directory of your own: export TANDEM_STATE_DIR=…',
    })
  })
})

it('a directory that can have no children is an error, not an endless loop', async () => {
  for (const look of [ensurePrivateDirectory, checkPrivateDirectory])
    await expect(look('/proc/tandem/state', 'TANDEM_STATE_DIR')).rejects.toMatchObject({
      code: 'DIRECTORY_UNWRITABLE',
      hint: 'name a directory of your own: export TANDEM_STATE_DIR=…',
    })
})
