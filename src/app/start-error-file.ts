import { rm } from 'node:fs/promises'
import { startErrorFilesOf } from '#client'
import { ensurePrivateDirectory } from '#ops'
import { writePrivateFile } from './private-files.ts'
import type { Places } from '#contracts'

/**
 * Leaves why the daemon could not start for whoever started it: in the state directory or, when that has no room, beside the
 * socket, which often is on another disk. Rejects when neither takes it.
 */
export async function leaveStartError(places: Places, text: string): Promise<void> {
  const [file, spare] = startErrorFilesOf(places)
  try {
    await ensurePrivateDirectory(places.stateDir, 'TANDEM_STATE_DIR')
    await writePrivateFile(file, text)
  } catch {
    // What is wrong here is most likely why it could not start, and in the text.
    await ensurePrivateDirectory(places.runtimeDir, 'TANDEM_RUNTIME_DIR')
    await writePrivateFile(spare, text)
  }
}

/** Of a daemon that started, or is about to try again. */
export async function forgetStartErrors(places: Places): Promise<void> {
  for (const file of startErrorFilesOf(places)) await rm(file, { force: true })
}
