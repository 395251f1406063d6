import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codexEnvironment, startCodexHost } from '#codex'
import { messageOf, newTurnId, silentLog, within } from '#kernel'
import { ok } from '../check/finding.ts'
import { roundTripFailed } from './errors.ts'
import { runBounded } from './run-bounded.ts'
import type { CodexBinary, CodexConnection, CodexEvent } from '#codex'
import type { Clock } from '#kernel'
import type { Look } from '../check/finding.ts'

/** Where a program is tried: everything that it reads and writes is below `root`. */
export interface Trial {
  readonly root: string
  readonly modelUrl: string
  readonly codexConfig: string
  readonly claudeEnv: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
  readonly clock: Clock
  readonly signal: AbortSignal
}

/** A turn through an app-server, as the daemon does it; answers in words how long it took. */
export async function askCodex(binary: CodexBinary, trial: Trial): Promise<string> {
  const { root, clock } = trial
  const env = await codexHomeIn(trial)
  const stateDir = join(root, 'codex-state')
  await mkdir(stateDir, { mode: 0o700 })
  const begunAt = clock.monotonic()
  const client = { name: 'tandem', version: trial.version }
  await using host = await startCodexHost({ binary, env, stateDir, clock, log: silentLog, client })
  try {
    const connection = await host.connection({ timeoutMs: trialMs, signal: trial.signal })
    await untilAnswered(connection, trial)
  } catch (error) {
    throw roundTripFailed('codex', messageOf(error), error)
  }
  return `answered after ${seconds(clock.monotonic() - begunAt)}, its start included`
}

async function untilAnswered(connection: CodexConnection, { root, clock, signal }: Trial): Promise<void> {
  const ended = Promise.withResolvers<CodexEvent>()
  using _listening = connection.onEvent(event => {
    if (event.kind === 'turn-completed') ended.resolve(event)
  })
  const leave = (): void => ended.reject(new Error('it was interrupted'))
  signal.addEventListener('abort', leave, { once: true })
  void connection.closed.then(() => ended.reject(new Error('its process ended')))
  const settings = { cwd: root, sandbox: 'read-only' } as const
  const { threadId } = await connection.startThread(settings)
  await connection.startTurn({ ...settings, threadId, clientMessageId: newTurnId(clock.now()), text: 'say something' })
  const answer = await within(clock, trialMs, ended.promise)
  signal.removeEventListener('abort', leave)
  if (answer.kind === 'timeout') throw new Error(`no answer within ${seconds(trialMs)}`)
  const { value } = answer
  if (value.kind !== 'turn-completed' || value.status !== 'completed') throw new Error('its turn did not complete')
}

export async function askClaude(claude: string, trial: Trial): Promise<Look> {
  const begunAt = trial.clock.monotonic()
  const home = join(trial.root, 'claude-home')
  await mkdir(home, { mode: 0o700 })
  const { code, output, problem } = await runBounded(claude, ['-p', 'say something'], {
    cwd: home,
    env: { ...plainEnvironment(trial), ...trial.claudeEnv, HOME: home },
    timeoutMs: trialMs,
    signal: trial.signal,
  })
  if (problem !== undefined) throw roundTripFailed('claude', problem)
  if (code !== 0 || !output.includes('the scripted model was heard'))
    throw roundTripFailed('claude', `it ended with ${code} and said: ${output.trim().slice(-300)}`)
  return ok(`answered after ${seconds(trial.clock.monotonic() - begunAt)}, its start included`)
}

/** The environment of a Codex that knows only the scripted model. */
export async function codexHomeIn(trial: Trial): Promise<Readonly<Record<string, string>>> {
  const home = join(trial.root, 'codex')
  await mkdir(home, { recursive: true, mode: 0o700 })
  await writeFile(join(home, 'config.toml'), trial.codexConfig)
  return { ...codexEnvironment(plainEnvironment(trial)), HOME: trial.root, CODEX_HOME: home, TMPDIR: trial.root }
}

/** How to run and to print: no keys, no proxies, nothing that leads to the user's own files. */
export function plainEnvironment({ env }: Pick<Trial, 'env'>): Record<string, string> {
  const kept = ['USER', 'LOGNAME', 'SHELL', 'LANG', 'TZ'].flatMap(name => {
    const value = env[name]
    return value === undefined ? [] : [[name, value] as const]
  })
  return { ...Object.fromEntries(kept), PATH: `${dirname(process.execPath)}:${env['PATH'] ?? '/usr/bin:/bin'}` }
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`

/** For each program. */
const trialMs = 30_000
