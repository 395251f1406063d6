import { lstat, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { addressFileSchema } from '#contracts'
import { shellQuote, systemCodeOf } from '#kernel'
import { unsafeSocket } from './errors.ts'
import { lockHolder } from './processes.ts'
import { stateIdentityOf } from './state-identity.ts'
import type { Stats } from 'node:fs'
import type { z } from 'zod'
import type { Places } from '#contracts'

export type Address = z.infer<typeof addressFileSchema>

/** Sockets that may be the daemon's: where our environment says, then where the daemon itself wrote that it listens. */
export async function candidateSockets(places: Places): Promise<readonly string[]> {
  const address = await readAddress(places)
  if (address === undefined || address.socket === places.socketPath) return [places.socketPath]
  return [places.socketPath, address.socket]
}

/** Where a daemon that answers listens: one that was started in another environment is found there, too. */
export async function socketOf(places: Places, pid: number): Promise<string> {
  const address = await readAddress(places)
  return address?.pid === pid ? address.socket : places.socketPath
}

/** What the daemon of this state directory wrote beside its lock; undefined when there is nothing that one understands or believes. */
export async function readAddress(places: Places): Promise<Address | undefined> {
  const address = await findAddress(places)
  return address !== undefined && isOfThisState(places, address) ? address : undefined
}

/** An address that came here with a copy of another state directory: it leads to that one's daemon. */
export async function strayAddress(places: Places): Promise<Address | undefined> {
  const address = await findAddress(places)
  return address === undefined || isOfThisState(places, address) ? undefined : address
}

async function findAddress(places: Places): Promise<Address | undefined> {
  try {
    return addressFileSchema.parse(JSON.parse(await readFile(places.addressFile, 'utf8')))
  } catch {
    // Missing or damaged: it only ever was a hint.
    return undefined
  }
}

/** Older daemons did not write which directory theirs is: those are believed as long as they hold the lock that lies here. */
function isOfThisState(places: Places, { state_identity: written, pid }: Address): boolean {
  if (written !== undefined) return written === stateIdentityOf(places)
  const holder = lockHolder(places.lockFile)
  return holder === undefined || holder === pid
}

/**
 * Throws DAEMON_UNSAFE_SOCKET unless socket and directory are ours alone: someone else's could read the prompt and answer
 * falsely. In a directory that only we can enter nobody can swap the socket after this look. False when there is no socket.
 */
export async function isSafeSocket(path: string): Promise<boolean> {
  const directory = await look(dirname(path))
  if (directory === undefined) return false
  const socket = await look(path)
  assertOurDirectory(dirname(path), directory)
  if (socket === undefined) return false
  assertOurs(path, socket)
  if (!socket.isSocket()) throw unsafeSocket(path, 'is not a socket', moveAway(path))
  if ((socket.mode & 0o077) !== 0)
    throw unsafeSocket(
      path,
      'is open to others',
      `remove it: rm ${shellQuote(path)} (a running daemon puts it back), then: tandem up`,
    )
  return true
}

function assertOurDirectory(path: string, found: Stats): void {
  assertOurs(path, found)
  if (!found.isDirectory()) throw unsafeSocket(path, 'is not a directory', moveAway(path))
  if ((found.mode & 0o077) !== 0)
    throw unsafeSocket(path, 'can be entered by others', `run: chmod 700 ${shellQuote(path)}`)
}

function assertOurs(path: string, found: Stats): void {
  if (found.isSymbolicLink()) throw unsafeSocket(path, 'is a link', `remove the link: rm ${shellQuote(path)}`)
  const own = process.getuid?.() ?? found.uid
  if (found.uid === own) return
  throw unsafeSocket(
    path,
    `belongs to user ${found.uid}, not to ${own}`,
    'set TANDEM_RUNTIME_DIR to a directory of your own, then: tandem up',
  )
}

const moveAway = (path: string): string => `move it away: mv ${shellQuote(path)} ${shellQuote(`${path}.old`)}`

async function look(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG') return undefined
    throw unsafeSocket(
      path,
      `cannot be looked at (${code ?? 'unknown'})`,
      'set TANDEM_RUNTIME_DIR to a directory of your own',
    )
  }
}
