import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '#kernel'
import { directoriesUpFrom } from './directories-up-from.ts'

/** The state of all files that decide what Codex loads in a directory. */
export interface ConfigStamp {
  /** Equal as long as nothing changed. */
  readonly text: string
  /** When the latest of them changed, in milliseconds since 1970; 0 when there is none. */
  readonly changedAt: number
}

/** Those of the machine; of the user and of a project it is `config.toml` alone (0.169.0, Linux). */
const machineFiles = ['config.toml', 'managed_config.toml', 'requirements.toml'].map(name => join('/etc/codex', name))

/**
 * Looks at the configuration of the machine, of the user, and of each directory from `cwd` up. Where a repository begins counts, too: Codex looks
 * for the configuration of a project up to there, and trusts it by that.
 */
export async function readConfigStamp(cwd: string, codexHome: string): Promise<ConfigStamp> {
  const directories = directoriesUpFrom(cwd)
  const folders = [codexHome, ...directories.map(directory => join(directory, '.codex'))]
  const files = [...machineFiles, ...folders.map(folder => join(folder, 'config.toml'))]
  const [states, repositories] = await Promise.all([
    Promise.all(files.map(stateOf)),
    Promise.all(directories.map(directory => stateOf(join(directory, '.git')))),
  ])
  // Inside a `.git` something changes all the time; that it is there is what counts. One that is a file names another repository.
  const roots = repositories.map(({ isFile, inode, text }) => (isFile ? text : inode))
  return {
    text: JSON.stringify([...states.map(({ text }) => text), ...roots]),
    changedAt: Math.max(...states.map(({ changedAt }) => changedAt)),
  }
}

interface FileState {
  readonly text: string
  readonly inode: string
  readonly isFile: boolean
  readonly changedAt: number
}

async function stateOf(path: string): Promise<FileState> {
  try {
    const found = await stat(path, { bigint: true })
    const { ino, size, ctimeNs, mtimeNs } = found
    return {
      text: `${ino} ${size} ${ctimeNs} ${mtimeNs}`,
      inode: String(ino),
      isFile: found.isFile(),
      changedAt: Number(ctimeNs / 1_000_000n),
    }
  } catch (error) {
    // Not there, mostly. What may not be looked at is Codex's to tell.
    const reason = systemCodeOf(error) ?? 'unknown'
    return { text: reason, inode: reason, isFile: false, changedAt: 0 }
  }
}
