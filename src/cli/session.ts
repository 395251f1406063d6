import type { CliDeps } from './deps.ts'
import type { Output } from './output.ts'

/** What one run of a command has at hand. */
export interface Session {
  readonly deps: CliDeps
  readonly out: Output
  readonly err: Output
  readonly isJson: boolean
}
