import { mkdir, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * The directory for temporary files of Codex and of the commands that it runs, empty: ours, so that nobody else's have to be
 * writable in a turn. Inside of a hidden directory it stays in sight, because it is Codex's `:tmpdir` (0.169.0). Only while no
 * Codex of ours runs.
 */
export async function openTemporaryFiles(stateDir: string): Promise<string> {
  const folder = join(await realpath(stateDir), 'tmp')
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  await mkdir(folder, { mode: 0o700 })
  return folder
}
