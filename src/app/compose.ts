import { access } from 'node:fs/promises'
import { startAgents } from '#agents'
import { codexEnvironment, readProviderEnvKeys } from '#codex'
import { createVerbs } from '#verbs'
import { watchHealth } from './health.ts'
import { startLateCodex } from './late-codex.ts'
import { openConfiguredStore } from './open-configured-store.ts'
import { createPolicySource } from './read-policy.ts'
import type { Config, Places, VerbCaller, VerbOutput } from '#contracts'
import type { Clock } from '#kernel'
import type { OpenLog } from '#ops'
import type { Environment } from './environment.ts'
import type { HttpState } from './http-door.ts'
import type { IdleWatch } from './idle.ts'
import type { StopRequest } from './stop-request.ts'

export interface ComposeDeps {
  readonly config: Config
  readonly environment: Environment
  readonly places: Places
  readonly clock: Clock
  readonly log: OpenLog
  readonly stop: StopRequest
  readonly startedAt: number
  readonly isSupervised: () => boolean
  /** The user's own, for what Codex makes in the user's projects. */
  readonly umask: number
  /** Clients that are connected: the door opens after its rooms. */
  readonly clients: () => number
  /** Where HTTP is served, when it is. */
  readonly httpUrl: () => string | undefined
  readonly http: () => HttpState | undefined
  /** Told of every call. */
  readonly idle: IdleWatch
}

/**
 * What the daemon does, behind its door. Disposing ends Codex and closes the store; without a `stop` before, what runs is
 * stored as to be continued, without a grace.
 */
export interface Rooms extends AsyncDisposable {
  readonly verbs: VerbCaller
  readonly nodeId: string
  /** Turns that run now. */
  running(): number
  /** A turn is queued or runs. */
  hasWork(): boolean
  /** Every running turn would go on after a stop. */
  canStop(): boolean
  /** Running turns may end within the grace, or until `now` aborts; then they are stored as to be continued. */
  stop(options: { readonly graceMs: number; readonly now: AbortSignal }): Promise<void>
}

/** Builds the rooms bottom-up; what had started is stopped when a later part fails. */
export async function composeRooms(deps: ComposeDeps): Promise<Rooms> {
  const { clock, config, environment, log, places } = deps
  await using stack = new AsyncDisposableStack()
  const store = stack.use(await openConfiguredStore({ config, places, clock, log }))
  const codexHome = config.codex.home ?? environment.codexHome
  const codex = stack.use(
    startLateCodex({
      find: { configured: config.codex.path, path: environment.env['PATH'] ?? '', packageRoot: environment.packageDir },
      env: await environmentOfCodex(deps, codexHome),
      // Its configuration names the keys that it gets; one that could not be read, or is another by then, is read again.
      readEnv: () => environmentOfCodex(deps, codexHome),
      stateDir: `${places.stateDir}/codex`,
      clock,
      log,
      client: { name: config.codex.client_name, version: environment.version },
      limits: { requestTimeoutMs: config.codex.request_timeout_ms },
      isWarm: true,
      umask: deps.umask,
    }),
  )
  const agents = await startAgents({
    store,
    codex,
    clock,
    log,
    config,
    policy: createPolicySource(places.policyFile),
    homeDir: environment.homeDir,
    codexHome,
    env: environment.env,
    stateDir: places.stateDir,
  })
  let isStopped = false
  const stop: Rooms['stop'] = options => {
    isStopped = true
    return agents.stop(options)
  }
  // They are at work from here on. When a later part fails, Codex must not be taken from under a turn, which would then fail.
  stack.defer(() => (isStopped ? undefined : stop({ graceMs: 0, now: AbortSignal.abort() })))
  const health = stack.use(watchHealth({ ...deps, version: environment.version, store, codex, agents }))
  const verbs = createVerbs({
    agents,
    store,
    clock,
    facts: async () => ({ ...factsOf(deps), codex: codex.describe() }),
    health: () => health.report(),
    logging: { ...log, configured: config.log.level },
    shutdown: order => deps.stop.order(order),
  })
  const open = stack.move()
  return {
    verbs: deps.idle.counting(verbs),
    nodeId: store.nodeId,
    running: () => agents.counts.running,
    hasWork: () => agents.counts.running + agents.counts.queued > 0,
    canStop: () => agents.canStop,
    stop,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

async function environmentOfCodex(
  { config, environment }: ComposeDeps,
  codexHome: string,
): Promise<Record<string, string>> {
  const own = await withCodexHome(environment.env, { configured: config.codex.home, usual: environment.codexHome })
  return codexEnvironment(own, {
    providerEnvKeys: await readProviderEnvKeys(codexHome),
    pass: config.codex.pass_env,
  })
}

/** Codex makes its own `~/.codex`, but ends at once when CODEX_HOME names a directory that is not there (0.169.0). */
async function withCodexHome(
  env: Environment['env'],
  home: { readonly configured: string | undefined; readonly usual: string },
): Promise<Environment['env']> {
  // There or not: with another one Codex would work under another account, and nobody would be told.
  if (home.configured !== undefined) return { ...env, CODEX_HOME: home.configured }
  try {
    await access(home.usual)
    return { ...env, CODEX_HOME: home.usual }
  } catch {
    // A user who has not run Codex yet: it takes its default, or says what is wrong with a CODEX_HOME that was set.
    return env
  }
}

type OwnFacts = Omit<VerbOutput<'status'>, 'turns' | 'threads' | 'rate_limits' | 'node_id' | 'uptime_ms' | 'codex'>

function factsOf({ environment, places, startedAt, isSupervised, stop, clients, httpUrl }: ComposeDeps): OwnFacts {
  return {
    version: environment.version,
    pid: process.pid,
    started_at: startedAt,
    socket: places.socketPath,
    http: urlOf(httpUrl()),
    state_dir: places.stateDir,
    log_file: places.logFile,
    is_supervised: isSupervised(),
    is_stopping: stop.isStopping,
    clients: clients(),
    memory_bytes: residentBytes(),
  }
}

const urlOf = (url: string | undefined): { url: string } | null => (url === undefined ? null : { url })

/** The highest so far where the present one cannot be read: with no descriptor left `status` must answer all the more. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss()
  } catch {
    // It is read from /proc.
    return process.resourceUsage().maxRSS * 1024
  }
}
