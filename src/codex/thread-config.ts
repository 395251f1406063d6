import { codexUserConfigSchema } from '#contracts'
import { credentialNames } from './environment.ts'
import { providerEnvKeys } from './user-config.ts'
import type { CodexUserConfig } from '#contracts'

export type CodexConfig = Readonly<Record<string, unknown>>

export interface ThreadConfigInput {
  /** What Codex would use here by itself, all layers merged. */
  readonly effective: CodexUserConfig
  /** The caller's own settings: a profile, for example. */
  readonly wanted: CodexConfig
  /** Names of MCP servers that may stay. */
  readonly mcpServers: readonly string[]
  /** Our permission profiles, and our check of commands. */
  readonly safeguards: CodexConfig
}

/**
 * The `config` of a thread: the caller's, and on top of it what makes a worker safe and quiet.
 * - Each MCP server of the user is switched off by its name (an empty table would switch off none of them), nested and
 *   not as a dotted key: Codex cuts dotted keys at every dot, quoted or not.
 * - Codex's own multi-agent tools are off: we fan out ourselves. The feature flag is for the older models only; for those
 *   whose catalogue entry says "v2" just `agents.enabled` counts.
 * - What commands may do is said by profiles of ours, and which may start by a hook of ours: see `permissions.ts`, `command-hook.ts`.
 * - Commands get no variable that looks like a secret, and none that a provider takes its key from.
 */
export function threadConfigOf(input: ThreadConfigInput): CodexConfig {
  const wantedServers = recordOf(input.wanted['mcp_servers'])
  const names = [...Object.keys(input.effective.mcp_servers ?? {}), ...Object.keys(wantedServers)]
  const off = names.filter(name => !input.mcpServers.includes(name)).map(name => [name, { enabled: false }] as const)
  const policy = recordOf(input.wanted['shell_environment_policy'])
  const exclude = new Set([
    ...credentialNames,
    ...providerEnvKeys(input.effective),
    ...providerEnvKeys(codexUserConfigSchema.safeParse(input.wanted).data ?? {}),
    ...(input.effective.shell_environment_policy?.exclude ?? []),
    ...stringsIn(policy['exclude']),
  ])
  return merged(input.wanted, {
    ...(off.length === 0 ? {} : { mcp_servers: Object.fromEntries(off) }),
    ...input.safeguards,
    agents: { enabled: false },
    features: { multi_agent: false },
    shell_environment_policy: { ignore_default_excludes: false, exclude: Array.from(exclude) },
  })
}

/** `over` on top of `base`, table by table. */
function merged(base: CodexConfig, over: CodexConfig): CodexConfig {
  const entries = Object.entries(over).map(([key, value]) => {
    const below = base[key]
    return [key, isRecord(below) && isRecord(value) ? merged(below, value) : value] as const
  })
  return { ...base, ...Object.fromEntries(entries) }
}

function recordOf(value: unknown): CodexConfig {
  return isRecord(value) ? value : {}
}

function stringsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : []
}

function isRecord(value: unknown): value is CodexConfig {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
