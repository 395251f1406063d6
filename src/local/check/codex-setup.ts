import { lookAtCodexHome, lookAtLogin, lookAtProviderKey } from './codex.ts'
import type { Config } from '#contracts'
import type { Env } from './codex.ts'

export interface CodexSetup {
  readonly config: Pick<Config, 'codex'>
  readonly env: Env
  /** By this environment: `$CODEX_HOME`, else `~/.codex`. */
  readonly codexHome: string
}

export interface CodexHomePlace {
  readonly directory: string
  /** What names it. */
  readonly source: string
  readonly isNamed: boolean
}

export function codexHomeOf({ config, env, codexHome }: CodexSetup): CodexHomePlace {
  const configured = config.codex.home
  if (configured !== undefined) return { directory: configured, source: 'codex.home in config.toml', isNamed: true }
  return { directory: codexHome, source: 'CODEX_HOME', isNamed: Boolean(env['CODEX_HOME']) }
}

/** What the check says of Codex's own files, in the environment of this very process: rejects with the first problem. */
export async function assertCodexSetup(setup: CodexSetup): Promise<void> {
  const home = codexHomeOf(setup)
  await lookAtCodexHome(home)
  await lookAtProviderKey(home.directory, setup.env, { pid: process.pid })
  await lookAtLogin(home.directory, setup.env)
}
