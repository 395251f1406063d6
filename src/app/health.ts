import { createHealthRegistry, diskPart, memoryPart, watchLoopDelay } from '#ops'
import { codexPart, httpPart, logPart, socketPart, storeParts, supervisorPart } from './health-parts.ts'
import { codexSetupPart, directoriesPart, policyPart } from './setup-parts.ts'
import type { Health } from '#contracts'
import type { DaemonHealthDeps } from './health-parts.ts'

/** Looks at the parts of the daemon from now on. Disposing ends that. */
export interface DaemonHealth extends Disposable {
  /** Takes two seconds at most, whatever hangs. */
  report(): Promise<Health>
}

export function watchHealth(deps: DaemonHealthDeps): DaemonHealth {
  const { clock, config, log, places } = deps
  const stack = new DisposableStack()
  const registry = stack.use(
    createHealthRegistry({
      clock,
      onChange: ({ part, from, to, why }) =>
        to === 'healthy'
          ? log.info({ part, from, to }, 'a part is healthy again')
          : log.warn({ part, from, to, why }, 'a part is not healthy'),
    }),
  )
  const loop = stack.use(watchLoopDelay({ clock, maxMs: config.health.max_loop_delay_ms }))
  const codex = codexPart(deps)
  const disk = diskPart(places.stateDir, {
    minFreeBytes: config.health.min_free_disk_bytes,
    // With Postgres the store is on another one.
    isVital: config.store.url === undefined,
  })
  const before = [socketPart(deps), ...storeParts(deps), disk]
  for (const part of [...before, directoriesPart(deps), logPart(log, places.logFile), policyPart(deps)])
    registry.add(part)
  const watchedCodex = registry.add(codex)
  stack.use(deps.codex.onState(() => watchedCodex.look()))
  const after = [
    codexSetupPart(deps),
    loop,
    memoryPart(config.health.max_memory_bytes),
    httpPart(deps.http),
    supervisorPart(deps.isSupervised),
  ]
  for (const part of after) registry.add(part)
  return {
    async report() {
      const { state, parts } = await registry.report(reportMs)
      return {
        state,
        at: clock.now(),
        version: deps.version,
        pid: process.pid,
        log_level: log.level(),
        idle_since: deps.idle.since(),
        idle_shutdown_ms: config.daemon.idle_shutdown_ms,
        parts,
      }
    },
    [Symbol.dispose]: () => stack.dispose(),
  }
}

/** A bit more than what makes a part late, so that the report of a hang says so. */
const reportMs = 1500
