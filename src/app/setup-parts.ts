import { assertCodexSetup } from '#local'
import { errorShapeOf } from '#kernel'
import { checkPrivateDirectory } from '#ops'
import { createPolicySource } from './read-policy.ts'
import type { Probe } from '#ops'
import type { DaemonHealthDeps } from './health-parts.ts'

/*
 * What a turn needs besides the daemon and Codex themselves, by the very looks of `tandem check`, so that both say the same. Small local
 * files: read again at each look.
 */

const seldom = { isVital: false, everyMs: 30_000, maxAgeMs: 1000, lateMs: 1000 } as const

/** That nobody else can enter where the store and the socket are: the next start would refuse. */
export function directoriesPart({ places }: Pick<DaemonHealthDeps, 'places'>): Probe {
  return {
    ...seldom,
    name: 'directories',
    async look() {
      await checkPrivateDirectory(places.stateDir, 'TANDEM_STATE_DIR')
      await checkPrivateDirectory(places.runtimeDir, 'TANDEM_RUNTIME_DIR')
      return { state: 'healthy', details: { state: places.stateDir, runtime: places.runtimeDir } }
    },
  }
}

/** That a directory in it cannot be followed is found only where a turn is held against it: the turns that wait for that tell. */
export function policyPart({ places, agents }: Pick<DaemonHealthDeps, 'places' | 'agents'>): Probe {
  const source = createPolicySource(places.policyFile)
  return {
    ...seldom,
    name: 'policy',
    async look() {
      const waiting = agents.waitingForPolicy
      const details = { file: places.policyFile, waiting_turns: waiting.length }
      const problem = await source.read().then(() => waiting[0], errorShapeOf)
      if (problem === undefined) return { state: 'healthy', details }
      const [noun, verb] = waiting.length === 1 ? ['turn', 'waits'] : ['turns', 'wait']
      return {
        state: 'degraded',
        why:
          waiting.length === 0
            ? problem.message
            : `${problem.message}; ${waiting.length} ${noun} ${verb} for it to be mended`,
        cure: problem.hint,
        details: { ...details, code: problem.code },
      }
    },
  }
}

/** Codex starts with a provider that is not defined, without a key and without a login; its turns then fail. */
export function codexSetupPart({ config, environment }: Pick<DaemonHealthDeps, 'config' | 'environment'>): Probe {
  return {
    ...seldom,
    name: 'codex configuration',
    async look() {
      await assertCodexSetup({ config, ...environment })
      return { state: 'healthy', details: { home: config.codex.home ?? environment.codexHome } }
    },
  }
}
