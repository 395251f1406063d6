import { join } from 'node:path'

export interface EnvironmentOptions {
  /** Variables that the user's providers take their keys from (`providerEnvKeys`). */
  readonly providerEnvKeys?: readonly string[]
  /** Further ones that the configuration passes on. */
  readonly pass?: readonly string[]
}

/**
 * The environment of the app-server: only what it needs, so that nothing of the shell that happened to start us (tokens
 * of other programs, a surrounding Claude Code) gets into Codex or into the commands that it runs.
 */
export function codexEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  options: EnvironmentOptions = {},
): Readonly<Record<string, string>> {
  const wanted = new Set([...always, ...credentialNames, ...(options.providerEnvKeys ?? []), ...(options.pass ?? [])])
  const kept = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && (wanted.has(name) || prefixes.some(prefix => name.startsWith(prefix)))
      ? [[name, value] as const]
      : [],
  )
  return Object.fromEntries(kept)
}

/** Where Codex keeps its files in that environment. An empty variable is none, for Codex, too (0.169.0). */
export function codexHomeOf(env: Readonly<Record<string, string | undefined>>): string {
  return env['CODEX_HOME'] || join(env['HOME'] ?? '/', '.codex')
}

/** Credentials that Codex itself reads. Commands must not see them. */
export const credentialNames: readonly string[] = ['CODEX_API_KEY', 'OPENAI_API_KEY', 'CODEX_ACCESS_TOKEN']

const always: readonly string[] = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'TERM',
  'TMPDIR',
  'TZ',
  'CODEX_HOME',
  'CODEX_SQLITE_HOME',
  'CODEX_CA_CERTIFICATE',
  'OPENAI_BASE_URL',
  'OPENAI_ORGANIZATION',
  'OPENAI_PROJECT',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'all_proxy',
  'no_proxy',
]
const prefixes: readonly string[] = ['LC_', 'XDG_']
