import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readHttpToken } from './http-token.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tandem-token-'))
  file = join(folder, 'http.token')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const good = `${'a'.repeat(43)}\n`

test('is made once, of 32 random bytes, for us alone, and does not show itself', async () => {
  const token = await readHttpToken(file)
  expect(Buffer.from(token.reveal(), 'base64url')).toHaveLength(32)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect((await readHttpToken(file)).reveal()).toBe(token.reveal())
  expect(readFileSync(file, 'utf8')).toBe(`${token.reveal()}\n`)
  expect(`${String(token)} ${JSON.stringify({ token })}`).not.toContain(token.reveal())
  rmSync(file)
  expect((await readHttpToken(file)).reveal()).not.toBe(token.reveal())
})

test.each([
  ['a link, even to a good one', () => (write(`${file}.real`, good), symlinkSync(`${file}.real`, file)), 'is a link'],
  ['a link that leads nowhere', () => symlinkSync(`${file}.none`, file), 'is a link'],
  ['a file that others may read', () => write(file, good, 0o640), 'has mode 0640'],
  ['a file that others may write', () => write(file, good, 0o602), 'has mode 0602'],
  ['an empty file', () => write(file, ''), 'holds no token'],
  ['a short one', () => write(file, 'secret'), 'holds no token'],
  ['a long one', () => write(file, 'a'.repeat(100_000)), 'holds no token'],
  ['a directory', () => mkdirSync(file), 'is not a file'],
  ['a pipe that nobody writes to', () => execFileSync('sh', ['-c', 'mkfifo -m 600 "$0"', file]), 'is not a file'],
])('refuses %s, leaves it as it is, and says what to do', async (_, make, problem) => {
  make()
  await expect(readHttpToken(file)).rejects.toMatchObject({
    code: 'HTTP_TOKEN_UNSAFE',
    kind: 'denied',
    message: expect.stringContaining(problem),
    hint: expect.stringContaining(file),
  })
})

test.skipIf(process.getuid?.() !== 0)('refuses a file of another user', async () => {
  write(file, good)
  execFileSync('chown', ['1', file])
  await expect(readHttpToken(file)).rejects.toThrow('belongs to user 1, not to 0')
})

function write(path: string, text: string, mode = 0o600): void {
  writeFileSync(path, text)
  chmodSync(path, mode)
}
