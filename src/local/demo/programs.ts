import { execFile } from 'node:child_process'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { findCodex, isProgram, probeCodexVersion } from '#codex'
import { programPlaces } from '#contracts'
import { claudeMissing, codexMissing, programNotRunnable } from './errors.ts'
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
  const places = programPlaces('claude', { path: options.path, packageRoot: options.packageDir })
  for (const { file } of places) if (await isProgram(file)) return file
  throw claudeMissing(places.map(({ file }) => dirname(file)))
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
