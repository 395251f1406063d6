import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'smol-toml'
import { codexUserConfigSchema } from '#contracts'
import { descriptorsExhausted, messageOf, systemCodeOf } from '#kernel'
import { codexConfigInvalid, profileInvalid, profileMissing } from './errors.ts'
import type { CodexUserConfig } from '#contracts'

/** The user's own `config.toml`; empty when there is none, CODEX_CONFIG_INVALID when it cannot be read. Never written to. */
export async function readUserConfig(codexHome: string): Promise<CodexUserConfig> {
  const path = join(codexHome, 'config.toml')
  const text = await textOf(path)
  if (text === null) return {}
  try {
    return codexUserConfigSchema.parse(parse(text))
  } catch (error) {
    throw codexConfigInvalid(messageOf(error), path, error)
  }
}

/**
 * A profile of Codex (`codex --profile NAME`, since 0.169 the file `NAME.config.toml` beside `config.toml`), to be
 * passed as `config` of a thread. CODEX_PROFILE_MISSING or CODEX_PROFILE_INVALID.
 */
export async function readProfile(codexHome: string, name: string): Promise<CodexUserConfig> {
  if (!/^[\w-]{1,100}$/.test(name)) throw profileInvalid(name, 'a name has only letters, digits, "_" and "-"')
  const path = join(codexHome, `${name}.config.toml`)
  const text = await textOf(path)
  if (text === null) throw profileMissing(name, path)
  try {
    return codexUserConfigSchema.parse(parse(text))
  } catch (error) {
    throw profileInvalid(name, messageOf(error), error)
  }
}

/** The names of environment variables that the configured providers take their keys and headers from. */
export function providerEnvKeys(config: CodexUserConfig): readonly string[] {
  const providers = Object.values(config.model_providers ?? {})
  const names = providers.flatMap(provider => [
    provider.env_key ?? '',
    ...Object.values(provider.env_http_headers ?? {}),
  ])
  return Array.from(new Set(names.filter(name => name !== '')))
}

/** The same over `config.toml` and every profile beside it; a file that is not valid counts as empty here. */
export async function readProviderEnvKeys(codexHome: string): Promise<readonly string[]> {
  const names = await readdir(codexHome).catch(() => [])
  const profiles = names.filter(name => name.endsWith('.config.toml')).slice(0, maxProfiles)
  const read = [readUserConfig(codexHome), ...profiles.map(name => readProfile(codexHome, name.slice(0, -12)))]
  const settled = await Promise.allSettled(read)
  const keys = settled.flatMap(each => (each.status === 'fulfilled' ? providerEnvKeys(each.value) : []))
  return Array.from(new Set(keys))
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return null
    throw descriptorsExhausted(error, `reading ${path}`) ?? codexConfigInvalid(messageOf(error), path, error)
  }
}

const maxProfiles = 100
