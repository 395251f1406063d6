import { access, constants, lstat, open, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { messageOf, systemCodeOf } from '#kernel'
import { diskFull, diskLow, diskRemote, logUnwritable } from './errors.ts'
import { ok, warning } from './finding.ts'
import type { Places } from '#contracts'
import type { Look } from './finding.ts'

/** Room, and whether the disk is this machine's own: locks of others are not to be relied on. */
export async function lookAtDisk(stateDir: string): Promise<Look> {
  const directory = await nearestThere(stateDir)
  const { bavail, bsize, ffree, files, type } = await statfs(directory)
  const remote = remoteKinds[type]
  if (remote !== undefined) throw diskRemote(directory, remote)
  if (files > 0 && ffree === 0) throw diskFull(directory, 'no file can be made (inodes)')
  const freeBytes = bavail * bsize
  if (freeBytes < fullBytes) throw diskFull(directory, `${Math.floor(freeBytes / 1000)} kB are left`)
  if (freeBytes < lowBytes) return warning(diskLow(directory, freeBytes))
  return ok(`${(freeBytes / 1e9).toFixed(1)} GB free`, { free_bytes: freeBytes })
}

/** The file as it is, or the directory in which it will be made. */
export async function lookAtLog({ logFile }: Pick<Places, 'logFile'>): Promise<Look> {
  const found = await lstat(logFile).catch(() => undefined)
  if (found === undefined) {
    const directory = await nearestThere(dirname(logFile))
    await access(directory, constants.W_OK).catch((error: unknown) => {
      throw logUnwritable(logFile, messageOf(error), error)
    })
    return ok(`${logFile} (made at the first start)`)
  }
  if (!found.isFile()) throw logUnwritable(logFile, found.isSymbolicLink() ? 'it is a link' : 'it is not a file')
  try {
    const file = await open(logFile, constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW)
    await file.close()
  } catch (error) {
    throw logUnwritable(logFile, messageOf(error), error)
  }
  return ok(logFile)
}

/** The path itself, or the nearest directory above that is there. */
async function nearestThere(path: string): Promise<string> {
  try {
    await access(path)
    return path
  } catch (error) {
    const parent = dirname(path)
    if (parent === path || systemCodeOf(error) === undefined) return path
    return nearestThere(parent)
  }
}

/** statfs(2). */
const remoteKinds: Readonly<Record<number, string>> = {
  0x6969: 'NFS',
  0x517b: 'SMB',
  0xff534d42: 'CIFS',
  0xfe534d42: 'SMB2',
  0x01021997: '9P',
  0x00c36400: 'Ceph',
  0x5346414f: 'AFS',
}

/** What the store needs to write at all, and to write for a while. */
const fullBytes = 1_000_000
const lowBytes = 200_000_000
