import { accessSync, constants, statSync } from 'node:fs'
import { claudeNotFound } from './errors.ts'

export interface FindClaudeOptions {
  /** From the configuration; then nothing else is tried. */
  readonly configured?: string | undefined
  readonly path: string | undefined
  readonly packageDir: string
}

/** The configured program, else the first `claude` on PATH, else one installed beside Tandem. Throws CLAUDE_NOT_FOUND. */
export function findClaude(options: FindClaudeOptions): string {
  const candidates = options.configured === undefined ? placesOfClaude(options) : [options.configured]
  const found = candidates.find(isProgram)
  if (found !== undefined) return found
  throw claudeNotFound(options.configured === undefined ? ['PATH', `${options.packageDir}/node_modules`] : candidates)
}

function placesOfClaude({ path, packageDir }: FindClaudeOptions): readonly string[] {
  // An empty entry of PATH means the current directory: what lies there is not to be started by accident.
  const onPath = (path ?? '').split(':').filter(dir => dir.startsWith('/'))
  const beside = [`${packageDir}/node_modules/.bin`, `${packageDir}/../.bin`]
  return [...onPath, ...beside].map(dir => `${dir}/claude`)
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    // Not there, or not ours to run: the next place.
    return false
  }
}
