import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { findCodex, probeCodexVersion, readUserConfig, testedRange } from '#codex'
import { systemCodeOf } from '#kernel'
import {
  codexHomeMissing,
  codexLoginUnknown,
  codexNotForDaemon,
  codexNotLoggedIn,
  codexUntested,
  providerKeyMissing,
  providerUnknown,
} from './errors.ts'
import { ok, skipped, warning } from './finding.ts'
import { partOfDaemon } from './daemon.ts'
import { environmentNamesOf, namesIn } from './process-environment.ts'
import type { CodexUserConfig } from '#contracts'
import type { DaemonState } from './daemon.ts'
import type { Look } from './finding.ts'

export type Env = Readonly<Record<string, string | undefined>>

export async function lookAtCodexProgram(deps: {
  readonly configured: string | undefined
  readonly env: Env
  readonly packageDir: string
  readonly daemon: DaemonState
}): Promise<Look> {
  const { configured, daemon, env, packageDir } = deps
  const path = env['PATH'] ?? ''
  const binary = await findCodex({ configured, path, packageRoot: packageDir })
  // A home of its own: Codex leaves links even when it is only asked for its version (0.169.0).
  const home = await mkdtemp(join(tmpdir(), 'tandem-check-'))
  try {
    const probe = { PATH: `${dirname(process.execPath)}:${path}`, HOME: home, CODEX_HOME: home }
    const version = await probeCodexVersion(binary, { timeoutMs: probeMs, env: probe })
    assertFoundByDaemon(daemon, binary.path)
    const tested = `${testedRange.from} to ${testedRange.to}`
    if (!version.isTested) return warning(codexUntested(version.text, tested))
    return ok(`${version.text} at ${binary.path}`, { version: version.text, path: binary.path, tested })
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

/** The daemon keeps the PATH of its start: what is found here need not be there. */
function assertFoundByDaemon(daemon: DaemonState, path: string): void {
  const part = partOfDaemon(daemon, 'codex')
  if (daemon.kind !== 'answers' || part?.details['kind'] !== 'missing') return
  throw codexNotForDaemon(daemon.pid, { path, why: part.why ?? 'it is not there' })
}

/** Codex makes its own `~/.codex`, but ends at once when it is named one that is not there (0.169.0). */
export async function lookAtCodexHome(home: {
  readonly directory: string
  readonly source: string
  readonly isNamed: boolean
}): Promise<Look> {
  const isDirectory = await stat(home.directory).then(
    found => found.isDirectory(),
    () => false,
  )
  if (!isDirectory && home.isNamed) throw codexHomeMissing(home.directory, home.source)
  if (!isDirectory) return ok(`${home.directory} (Codex makes it)`)
  await readUserConfig(home.directory)
  return ok(home.directory)
}

/**
 * What Codex itself would say (`codex login status`), from its own file: asking it would leave traces in its directory. Variables such as
 * OPENAI_API_KEY do not log an app-server in (0.169.0).
 */
export async function lookAtLogin(codexHome: string, env: Env): Promise<Look> {
  const config = await configOr(codexHome)
  if (config === undefined) return skipped('the configuration of Codex has to be right first')
  const { name, provider } = providerOf(config)
  if (isUnknown({ name, provider })) return skipped(`the provider ${name} has to be defined first`)
  if (provider !== undefined && provider['requires_openai_auth'] !== true)
    return ok(`the provider ${name} needs no login`, { provider: name })
  const auth = await readAuth(codexHome)
  if (auth !== undefined) return ok(`logged in with ${auth}`, { method: auth })
  if (['keyring', 'auto'].includes(String(config['cli_auth_credentials_store'])))
    return warning(codexLoginUnknown(codexHome))
  throw codexNotLoggedIn(codexHome, Boolean(env['OPENAI_API_KEY'] || env['CODEX_API_KEY']))
}

/** In the environment that counts: that of the daemon which runs, else that from which one would be started. */
export async function lookAtProviderKey(
  codexHome: string,
  env: Env,
  daemon: { readonly pid: number | undefined },
): Promise<Look> {
  const config = await configOr(codexHome)
  if (config === undefined) return skipped('the configuration of Codex has to be right first')
  const { name, provider } = providerOf(config)
  if (isUnknown({ name, provider })) throw providerUnknown(name, join(codexHome, 'config.toml'))
  const key = provider?.env_key ?? ''
  if (key === '') return ok(`the provider ${name} takes no key from the environment`)
  return lookForKey({ key, provider: name }, namesIn(Object.entries(env)), daemon.pid)
}

async function lookForKey(
  { key, provider }: { readonly key: string; readonly provider: string },
  own: ReadonlySet<string>,
  pid: number | undefined,
): Promise<Look> {
  const names = pid === undefined || pid === process.pid ? own : await environmentNamesOf(pid)
  if (names === undefined) return skipped('the environment of the daemon cannot be read here')
  if (names.has(key)) return ok(`the provider ${provider} has ${key}`, { provider, name: key })
  const ofDaemon = { kind: 'daemon' as const, isInShell: own.has(key) }
  throw providerKeyMissing(key, provider, pid === undefined ? { kind: 'shell' } : { ...ofDaemon, pid })
}

/** Undefined when it cannot be read, which `codex home` tells. */
async function configOr(codexHome: string): Promise<CodexUserConfig | undefined> {
  return readUserConfig(codexHome).catch(() => undefined)
}

interface ChosenProvider {
  readonly name: string
  readonly provider: NonNullable<CodexUserConfig['model_providers']>[string] | undefined
}

const isUnknown = ({ name, provider }: ChosenProvider): boolean => provider === undefined && !builtIn.has(name)

function providerOf(config: CodexUserConfig): ChosenProvider {
  const named = config['model_provider']
  const name = typeof named === 'string' ? named : 'openai'
  return { name, provider: config.model_providers?.[name] }
}

/** How one is logged in, in words without a secret. */
async function readAuth(codexHome: string): Promise<string | undefined> {
  try {
    const auth = authSchema.parse(JSON.parse(await readFile(join(codexHome, 'auth.json'), 'utf8')))
    if (auth.tokens !== undefined && auth.tokens !== null) return 'ChatGPT'
    return auth.OPENAI_API_KEY ? 'an API key' : undefined
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    // Half a file, or of another form: Codex would not take it either.
    return undefined
  }
}

const authSchema = z.looseObject({
  OPENAI_API_KEY: z.string().nullish(),
  tokens: z.looseObject({}).nullish(),
})

/** Known to Codex without a table (0.169.0). */
const builtIn: ReadonlySet<string> = new Set(['openai', 'ollama', 'lmstudio', 'amazon-bedrock', 'ollama-chat', 'oss'])
const probeMs = 10_000
