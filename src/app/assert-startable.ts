import { lstat } from 'node:fs/promises'
import { lockHolder } from '#client'
import { checkPrivateDirectory } from '#ops'
import { assertSocketPathFits, inspectSocket } from './claim-socket.ts'
import { readConfig } from './read-config.ts'
import { Secret } from '#kernel'
import type { Config, Places } from '#contracts'

/**
 * What a start would refuse, seen while the daemon that is to be replaced still serves: its configuration, and that its database can be
 * worked with. It rejects as the start does, except for what only a restart may cure. Changes nothing.
 */
export async function assertStartable(places: Places): Promise<Config> {
  assertSocketPathFits(places.socketPath)
  await checkPrivateDirectory(places.stateDir, 'TANDEM_STATE_DIR')
  await checkPrivateDirectory(places.runtimeDir, 'TANDEM_RUNTIME_DIR')
  // A socket may be that of the daemon which is to go.
  if (!(await isSocket(places.socketPath))) await inspectSocket(places.socketPath)
  const config = await readConfig(places.configFile)
  if (config.store.url === undefined) await assertNotHeld(places)
  else await assertStoreInReach(places, config.store.url)
  return config
}

/** By a third program: the daemon that runs waits for it, while the next one would not even start. */
async function assertNotHeld({ storeFile, lockFile }: Places): Promise<void> {
  const { storeHeld, writerOf } = await import('#local')
  const holder = await writerOf(storeFile, lockHolder(lockFile))
  if (holder !== undefined) throw storeHeld(storeFile, holder)
}

/** A file is the one that the daemon works with at this moment; a URL may have been changed since it started. */
async function assertStoreInReach({ storeFile: file }: Places, url: string): Promise<void> {
  const { inspectStore, mayEndWithDaemon } = await import('#store')
  try {
    await inspectStore({ file, url: new Secret(url) })
  } catch (error) {
    if (!mayEndWithDaemon(error)) throw error
  }
}

async function isSocket(path: string): Promise<boolean> {
  return lstat(path).then(
    found => found.isSocket(),
    () => false,
  )
}
