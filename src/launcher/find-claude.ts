import { accessSync, constants, statSync } from 'node:fs'
import { programPlaces } from '#contracts'
import { claudeNotFound } from './errors.ts'

export interface FindClaudeOptions {
  /** From the configuration; then nothing else is tried. */
  readonly configured?: string | undefined
  readonly path: string | undefined
  readonly packageDir: string
}

/** The configured program, else the first `claude` on PATH, else one installed beside Tandem. Throws CLAUDE_NOT_FOUND. */
export function findClaude(options: FindClaudeOptions): string {
  const candidates = options.configured === undefined ? installed(options) : [options.configured]
  const found = candidates.find(isProgram)
  if (found !== undefined) return found
  throw claudeNotFound(options.configured === undefined ? ['PATH', `${options.packageDir}/node_modules`] : candidates)
}

function installed({ path, packageDir }: FindClaudeOptions): readonly string[] {
  return programPlaces('claude', { path: path ?? '', packageRoot: packageDir }).map(({ file }) => file)
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
