import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { isProgram } from '#codex'
import { programPlaces } from '#contracts'
import { ok, warning } from '../check/finding.ts'
import { namesIn } from '../check/process-environment.ts'
import { claudeNotFound, claudeNotLoggedIn, claudeNotRunnable, claudeUntested } from './errors.ts'
import { plainEnvironment } from './round-trip.ts'
import { runBounded } from './run-bounded.ts'
import type { Look } from '../check/finding.ts'
import type { Trial } from './round-trip.ts'

interface ClaudeDeps {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly homeDir: string
  readonly packageDir: string
}

/** The first on PATH, else one installed beside Tandem. */
export async function findClaude({ env, packageDir }: ClaudeDeps): Promise<string | undefined> {
  const places = programPlaces('claude', { path: env['PATH'] ?? '', packageRoot: packageDir })
  for (const { file } of places) if (await isProgram(file)) return file
  return undefined
}

export async function lookAtClaudeProgram(path: string | undefined, trial: Trial): Promise<Look> {
  if (path === undefined) throw claudeNotFound((trial.env['PATH'] ?? '').split(':').length)
  const { root, signal } = trial
  const { output, problem } = await runBounded(path, ['--version'], {
    cwd: root,
    env: { ...plainEnvironment(trial), HOME: root },
    timeoutMs: versionMs,
    signal,
  })
  const found = /(\d+)\.(\d+)\.(\d+)\S*/.exec(output)
  if (found === null) throw claudeNotRunnable(path, problem ?? JSON.stringify(output.slice(0, 200)), undefined)
  const [version = ''] = found
  const isOlder = testedClaude.localeCompare(version, 'en', { numeric: true }) > 0
  if (isOlder) return warning(claudeUntested(version, testedClaude))
  return ok(`${version} at ${path}`, { version, path, tested: testedClaude })
}

/**
 * From Claude Code's own files and the names of variables: `claude auth status` would write into the user's files, and a copy of the login
 * could be renewed there and so end the user's own (2.1.329). Elsewhere than on Linux it may be in the system's keychain.
 */
export async function lookAtClaudeLogin({ env, homeDir }: ClaudeDeps): Promise<Look> {
  const names = namesIn(Object.entries(env))
  const variable = variables.find(name => names.has(name))
  if (variable !== undefined) return ok(`takes ${variable} from the environment`, { variable })
  const directory = env['CLAUDE_CONFIG_DIR'] ?? join(homeDir, '.claude')
  const state = await readJson(join(env['CLAUDE_CONFIG_DIR'] ?? homeDir, '.claude.json'))
  const credentials = await readJson(join(directory, '.credentials.json'))
  const settings = await readJson(join(directory, 'settings.json'))
  if (credentials['claudeAiOauth'] !== undefined) return ok('logged in with an account')
  if (state['primaryApiKey'] !== undefined) return ok('has an API key of its own')
  if (settings['apiKeyHelper'] !== undefined) return ok('takes its key from a helper of its settings')
  if (variables.some(name => name in settingsEnvSchema.parse(settings['env'] ?? {})))
    return ok('takes its key from its settings')
  return warning(claudeNotLoggedIn(directory))
}

async function readJson(file: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    // Not there, or not to be read: then it says nothing of a login.
    return {}
  }
}

const settingsEnvSchema = z.record(z.string(), z.unknown()).catch({})

/** What logs Claude Code in without an account (2.1.329). */
const variables = [
  'ANTHROPIC_API_KEY',
  'ANTHROPIC_AUTH_TOKEN',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_USE_BEDROCK',
  'CLAUDE_CODE_USE_VERTEX',
  'CLAUDE_CODE_USE_FOUNDRY',
] as const

const testedClaude = '2.1.329'
const versionMs = 20_000
