import { lstat, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { maxSocketPathBytes } from '#contracts'
import { shellQuote, systemCodeOf } from '#kernel'
import { socketOccupied, socketPathTooLong } from './errors.ts'
import type { Stats } from 'node:fs'

export function assertSocketPathFits(path: string): void {
  const bytes = Buffer.byteLength(path)
  if (bytes > maxSocketPathBytes) throw socketPathTooLong(path, bytes, maxSocketPathBytes)
}

/**
 * Makes the path free for the holder of the lock: only a socket of our own that nobody listens on is removed.
 * Whatever else is there stays, and SOCKET_OCCUPIED says how to clear it.
 */
export async function claimSocket(path: string): Promise<void> {
  if ((await inspectSocket(path)) === 'stale') await rm(path, { force: true })
}

/** The look without the removal: nothing is there, or a socket of our own that nobody listens on; else SOCKET_OCCUPIED. */
export async function inspectSocket(path: string): Promise<'free' | 'stale'> {
  const found = await look(path)
  if (found === undefined) return 'free'
  const quoted = shellQuote(path)
  if (found.isSymbolicLink()) throw socketOccupied(path, 'is a link', `remove it: rm ${quoted}`)
  if (found.isDirectory()) throw socketOccupied(path, 'is a directory', `move it away: mv ${quoted} ${quoted}.old`)
  if (!found.isSocket())
    throw socketOccupied(path, 'is a file, not a socket', `move it away: mv ${quoted} ${quoted}.old`)
  const own = process.getuid?.() ?? found.uid
  if (found.uid !== own)
    throw socketOccupied(
      path,
      `belongs to user ${found.uid}, not to ${own}`,
      `remove it as its owner: sudo rm ${quoted}`,
    )
  const answer = await knock(path)
  if (answer === 'somebody') {
    const cure = `end the program that listens there (fuser ${quoted}), or set TANDEM_RUNTIME_DIR to another directory`
    throw socketOccupied(path, 'is in use by another program', cure)
  }
  return 'stale'
}

async function look(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** A socket that refuses is a dead one's. One that is too busy to answer is somebody's. */
function knock(path: string): Promise<'nobody' | 'somebody'> {
  return new Promise(resolve => {
    const socket = createConnection(path)
    const answer = (who: 'nobody' | 'somebody'): void => {
      socket.destroy()
      resolve(who)
    }
    socket.setTimeout(knockMs, () => answer('somebody'))
    socket.once('connect', () => answer('somebody'))
    socket.once('error', error => {
      const code = systemCodeOf(error)
      answer(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'nobody' : 'somebody')
    })
  })
}

const knockMs = 1000
