import { lstat } from 'node:fs/promises'
import { checkPrivateDirectory } from '#ops'
import { assertSocketPathFits, inspectSocket } from './claim-socket.ts'
import { readConfig } from './read-config.ts'
import type { Config, Places } from '#contracts'

/**
 * What a start would refuse, seen while the daemon that is to be replaced still serves: its configuration. It rejects as the start
 * does. Changes nothing.
 */
export async function assertStartable(places: Places): Promise<Config> {
  assertSocketPathFits(places.socketPath)
  await checkPrivateDirectory(places.stateDir, 'TANDEM_STATE_DIR')
  await checkPrivateDirectory(places.runtimeDir, 'TANDEM_RUNTIME_DIR')
  // A socket may be that of the daemon which is to go.
  if (!(await isSocket(places.socketPath))) await inspectSocket(places.socketPath)
  return readConfig(places.configFile)
}

async function isSocket(path: string): Promise<boolean> {
  return lstat(path).then(
    found => found.isSocket(),
    () => false,
  )
}
