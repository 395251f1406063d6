import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findCodex } from '#codex'
import { AppError, cancelled } from '#kernel'
import { claudeEnvFor, codexConfigFor, say, rule, scenario, startScriptedModel } from '#scripted-model'
import { examine, ok, skipped } from '../check/finding.ts'
import { runCheck } from '../check/run-check.ts'
import { startCaretaker } from '../demo/caretaker.ts'
import { endLeftovers } from '../demo/leftovers.ts'
import { doctorPlaceUnusable } from './errors.ts'
import { findClaude, lookAtClaudeLogin, lookAtClaudeProgram } from './claude.ts'
import { askClaude, askCodex } from './round-trip.ts'
import { lookAtSandbox } from './sandbox.ts'
import type { CodexBinary } from '#codex'
import type { Finding, FindingsReport } from '#contracts'
import type { CheckDeps } from '../check/run-check.ts'
import type { Look } from '../check/finding.ts'
import type { Trial } from './round-trip.ts'

export interface DoctorDeps extends CheckDeps {
  readonly homeDir: string
  readonly onStep: (step: string) => void
  /** Ends it in order: CANCELLED. */
  readonly signal: AbortSignal
}

/** The check, and both programs at work against a scripted model on this machine: in a private directory that is gone afterwards. */
export async function runDoctor(deps: DoctorDeps): Promise<FindingsReport> {
  deps.onStep('looking at the configuration and the daemon')
  const { findings } = await runCheck(deps)
  // One that is too old would fail for its age, and the advice be about the machine.
  const isTooOld = findings.some(({ code }) => code === 'CODEX_TOO_OLD')
  const binary = isTooOld ? undefined : await codexOf(deps)
  const claude = await findClaude(deps)
  const tried = await inPrivateDirectory(deps, async root => {
    await using model = await startScriptedModel({ scenario: answers })
    const trial: Trial = {
      ...deps,
      root,
      modelUrl: model.url,
      codexConfig: codexConfigFor(model.url),
      claudeEnv: claudeEnvFor(model.url),
    }
    const step = async (name: string, what: string, look: () => Promise<Look>): Promise<Finding> => {
      if (deps.signal.aborted) throw cancelled('the doctor', deps.signal.reason)
      deps.onStep(what)
      return examine(name, look)
    }
    return [
      await step('claude', 'asking claude for its version', () => lookAtClaudeProgram(claude, trial)),
      await step('claude login', 'looking for a login of claude', () => lookAtClaudeLogin(deps)),
      await step('sandbox', 'running a command in the sandbox of codex', () => withCodex(binary, lookAtSandbox, trial)),
      await step('codex round trip', 'asking codex', () => withCodex(binary, askCodex, trial)),
      await step('claude round trip', 'asking claude', () =>
        claude === undefined ? Promise.resolve(skipped('there is no claude to ask')) : askClaude(claude, trial),
      ),
    ]
  })
  if (deps.signal.aborted) throw cancelled('the doctor', deps.signal.reason)
  return { findings: [...findings, ...tried] }
}

async function withCodex(
  binary: CodexBinary | undefined,
  look: (binary: CodexBinary, trial: Trial) => Promise<string>,
  trial: Trial,
): Promise<Look> {
  return binary === undefined ? skipped('there is no codex that could be asked') : ok(await look(binary, trial))
}

/** The check has told why there is none. */
async function codexOf({ readConfig, defaultConfig, env, packageDir }: DoctorDeps): Promise<CodexBinary | undefined> {
  const config = await readConfig().catch(() => defaultConfig)
  const path = env['PATH'] ?? ''
  return findCodex({ configured: config.codex.path, path, packageRoot: packageDir }).catch(() => undefined)
}

async function inPrivateDirectory<T>(deps: DoctorDeps, work: (root: string) => Promise<T>): Promise<T> {
  const root = await makeRoot()
  // Should we be killed with -9, somebody else ends what runs there and removes it.
  await using _caretaker = startCaretaker(root, { isKept: false, path: deps.env['PATH'] ?? '' })
  try {
    return await work(root)
  } finally {
    await endLeftovers(root)
    await rm(root, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  }
}

async function makeRoot(): Promise<string> {
  try {
    return await mkdtemp(join(await realpath(tmpdir()), 'tandem-doctor-'))
  } catch (error) {
    throw error instanceof AppError ? error : doctorPlaceUnusable(tmpdir(), error)
  }
}

const answers = scenario('doctor', [rule('answer', {}, [say('the scripted model was heard')])])
