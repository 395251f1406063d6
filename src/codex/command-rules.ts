import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '#kernel'
import { directoriesUpFrom } from './directories-up-from.ts'

/**
 * Whether Codex would load a `.rules` file for a thread in `cwd`: the user's, the machine's, or one of a repository around it. It
 * reads them when a thread is opened (0.169.0). What cannot be looked at counts as one.
 */
export async function hasCommandRules(cwd: string, codexHome: string): Promise<boolean> {
  const folders = [codexHome, '/etc/codex', ...directoriesUpFrom(cwd).map(directory => join(directory, '.codex'))]
  const found = await Promise.all(folders.map(folder => hasRulesIn(join(folder, 'rules'))))
  return found.includes(true)
}

async function hasRulesIn(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).some(name => name.endsWith('.rules'))
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')
  }
}
