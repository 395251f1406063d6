import { assertCodexSetup } from '#local'
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

export function policyPart({ places }: Pick<DaemonHealthDeps, 'places'>): Probe {
  const source = createPolicySource(places.policyFile)
  return {
    ...seldom,
    name: 'policy',
    async look() {
      await source.read()
      return { state: 'healthy', details: { file: places.policyFile } }
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
