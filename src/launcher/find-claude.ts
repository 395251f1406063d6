import { accessSync, constants, statSync } from 'node:fs'
import { programPlaces } from '#contracts'
import { claudeNotFound } from './errors.ts'

export interface FindClaudeOptions {
  readonly path: string | undefined
  readonly packageDir: string
}

/** The first `claude` on PATH, else one installed beside Tandem. Throws CLAUDE_NOT_FOUND. */
export function findClaude({ path, packageDir }: FindClaudeOptions): string {
  const places = programPlaces('claude', { path: path ?? '', packageRoot: packageDir })
  const found = places.find(({ file }) => isProgram(file))
  if (found === undefined) throw claudeNotFound(['PATH', `${packageDir}/node_modules`])
  return found.file
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
