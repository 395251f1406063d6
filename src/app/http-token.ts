import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { messageOf, Secret, shellQuote, systemCodeOf } from '#kernel'
import { httpTokenUnsafe } from './errors.ts'
import { writePrivateFile } from './private-files.ts'
import type { FileHandle } from 'node:fs/promises'

/**
 * The token of the HTTP door: made once, 32 random bytes, in a file for us alone (0600). HTTP_TOKEN_UNSAFE for one that others could
 * have read, or could have put there: a person decides. The lock of the state directory must be held.
 */
export async function readHttpToken(file: string): Promise<Secret> {
  const found = await read(file)
  if (found !== undefined) return new Secret(found)
  const token = randomBytes(32).toString('base64url')
  await writePrivateFile(file, `${token}\n`)
  return new Secret(token)
}

/** The same look, without making one. */
export async function inspectHttpToken(file: string): Promise<void> {
  await read(file)
}

async function read(file: string): Promise<string | undefined> {
  await using handle = await openOwn(file)
  if (handle === undefined) return undefined
  const quoted = shellQuote(file)
  const anew = `remove it, and a new one is made: rm ${quoted}; tandem restart`
  const found = await handle.stat()
  if (!found.isFile()) throw httpTokenUnsafe(file, 'is not a file', `move it away: mv ${quoted} ${quoted}.old`)
  const own = process.getuid?.() ?? found.uid
  if (found.uid !== own) throw httpTokenUnsafe(file, `belongs to user ${found.uid}, not to ${own}`, anew)
  const mode = found.mode & 0o777
  if ((mode & 0o077) !== 0)
    throw httpTokenUnsafe(file, `has mode ${mode.toString(8).padStart(4, '0')}, so others may have read it`, anew)
  // A file of any size could stand there.
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(200), 0, 200, 0)
  const text = buffer.toString('latin1', 0, bytesRead).trim()
  if (!/^[\w-]{43}$/.test(text)) throw httpTokenUnsafe(file, 'holds no token of ours', anew)
  return text
}

async function openOwn(file: string): Promise<FileHandle | undefined> {
  try {
    // Not through a link, and without waiting for the other end of a pipe.
    return await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT') return undefined
    const quoted = shellQuote(file)
    if (code === 'ELOOP') throw httpTokenUnsafe(file, 'is a link', `remove it: rm ${quoted}; tandem restart`)
    throw httpTokenUnsafe(file, `cannot be read: ${messageOf(error)}`, `look at it: ls -l ${quoted}`)
  }
}
