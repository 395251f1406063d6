import { execFile } from 'node:child_process'
import { access, constants, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { findCodex, probeCodexVersion } from '#codex'
import { claudeMissing, codexMissing, programNotRunnable } from '../errors.ts'
import type { CodexBinary } from '#codex'

/** The two real programs. */
export interface Programs {
  readonly claude: string
  readonly claudeVersion: string
  readonly codex: CodexBinary
  readonly codexVersion: string
}

/** Both on PATH, else in `node_modules` of the package or above it. DEMO_CLAUDE_MISSING, DEMO_CODEX_MISSING, and those of a program that does not run. */
export async function findPrograms(options: {
  readonly path: string
  readonly packageDir: string
  /** A directory to run them in, and their HOME: even `--version` must not write into the person's own. */
  readonly home: string
}): Promise<Programs> {
  const env = { PATH: `${dirname(process.execPath)}:${options.path}`, HOME: options.home, CODEX_HOME: options.home }
  const [claude, codex] = await Promise.all([
    findClaude(options),
    findCodex({ path: options.path, packageRoot: options.packageDir }).catch((error: unknown) => {
      throw codexMissing(error)
    }),
  ])
  const [claudeVersion, codexVersion] = await Promise.all([
    versionOfClaude(claude, env),
    probeCodexVersion(codex, { timeoutMs: probeTimeoutMs, env }),
  ])
  return { claude, claudeVersion, codex, codexVersion: codexVersion.text }
}

async function findClaude(options: { readonly path: string; readonly packageDir: string }): Promise<string> {
  // An empty entry of PATH means the current directory: what lies there is not to be started by accident.
  const onPath = options.path.split(':').filter(folder => folder.startsWith('/'))
  const beside = andAbove(options.packageDir).map(folder => join(folder, 'node_modules', '.bin'))
  const folders = [...onPath, ...beside]
  for (const folder of folders) if (await isProgram(join(folder, 'claude'))) return join(folder, 'claude')
  throw claudeMissing(folders)
}

function andAbove(folder: string): readonly string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...andAbove(parent)]
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    // Not there, or not ours to run: the next place.
    return false
  }
}

async function versionOfClaude(path: string, env: Readonly<Record<string, string>>): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(path, ['--version'], { timeout: probeTimeoutMs, env: { ...env } })
    const version = /\d+\.\d+\.\d+\S*/.exec(stdout)?.[0]
    if (version !== undefined) return version
    throw new Error(`its --version says ${JSON.stringify(stdout.slice(0, 200))}`)
  } catch (error) {
    throw programNotRunnable(path, error)
  }
}

const probeTimeoutMs = 20_000
