import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { systemCodeOf } from '#kernel'

/** The state of all files that decide what Codex loads in a directory. */
export interface ConfigStamp {
  /** Equal as long as nothing changed. */
  readonly text: string
  /** When the latest of them changed, in milliseconds since 1970; 0 when there is none. */
  readonly changedAt: number
}

/** Those of the machine, of the user, and of a project (0.169.0). */
const machineFolder = '/etc/codex'
const fileNames = ['config.toml', 'managed_config.toml', 'requirements.toml']

/**
 * Looks at the configuration of the machine, of the user, and of each directory from `cwd` up. Where a repository begins counts, too: Codex looks
 * for the configuration of a project up to there.
 */
export async function readConfigStamp(cwd: string, codexHome: string): Promise<ConfigStamp> {
  const folders = [machineFolder, codexHome, ...directoriesUpFrom(cwd).map(directory => join(directory, '.codex'))]
  const files = folders.flatMap(folder => fileNames.map(name => join(folder, name)))
  const states = await Promise.all(files.map(stateOf))
  const roots = await Promise.all(directoriesUpFrom(cwd).map(directory => stateOf(join(directory, '.git'))))
  return {
    // Inside a `.git` something changes all the time; that it is there is what counts.
    text: JSON.stringify([...states.map(({ text }) => text), ...roots.map(({ inode }) => inode)]),
    changedAt: Math.max(...states.map(({ changedAt }) => changedAt)),
  }
}

/** `cwd` itself first, `/` last. */
export function directoriesUpFrom(cwd: string): readonly string[] {
  const directories = [cwd]
  for (let at = cwd; dirname(at) !== at; at = dirname(at)) directories.push(dirname(at))
  return directories
}

async function stateOf(
  path: string,
): Promise<{ readonly text: string; readonly inode: string; readonly changedAt: number }> {
  try {
    const { ino, size, ctimeNs, mtimeNs } = await stat(path, { bigint: true })
    return { text: `${ino} ${size} ${ctimeNs} ${mtimeNs}`, inode: String(ino), changedAt: Number(ctimeNs / 1_000_000n) }
  } catch (error) {
    // Not there, mostly. What may not be looked at is Codex's to tell.
    const reason = systemCodeOf(error) ?? 'unknown'
    return { text: reason, inode: reason, changedAt: 0 }
  }
}
