import { access } from 'node:fs/promises'
import { checkPrivateDirectory } from '#ops'
import { inspectStore } from '#store'
import { lockHolder, socketOf } from '#client'
import { Secret } from '#kernel'
import { lookAtCodexHome, lookAtCodexProgram, lookAtLogin, lookAtProviderKey } from './codex.ts'
import { codexHomeOf } from './codex-setup.ts'
import {
  findDaemon,
  isThere,
  lookAtDaemon,
  lookAtLastStart,
  noDaemon,
  partOfDaemon,
  refusalOfSocket,
} from './daemon.ts'
import { lookAtDisk, lookAtLog } from './disk.ts'
import { daemonPartWrong, socketOccupiedFor, storeHeld } from './errors.ts'
import { examine, ok, skipped } from './finding.ts'
import { writerOf } from './store-lock.ts'
import type { Config, Finding, FindingsReport, Places } from '#contracts'
import type { Clock } from '#kernel'
import type { DaemonState } from './daemon.ts'
import type { Look } from './finding.ts'

/** What the check needs of its process, and the very checks that a start of the daemon runs. */
export interface CheckDeps {
  readonly places: Places
  readonly env: Readonly<Record<string, string | undefined>>
  /** By this environment: `$CODEX_HOME`, else `~/.codex`. */
  readonly codexHome: string
  readonly packageDir: string
  readonly version: string
  readonly clock: Clock
  /** CONFIG_INVALID. */
  readonly readConfig: () => Promise<Config>
  /** What an empty file means: to look on when the real one is wrong. */
  readonly defaultConfig: Config
  /** POLICY_INVALID. */
  readonly readPolicy: () => Promise<unknown>
  /** SOCKET_PATH_TOO_LONG. */
  readonly assertSocketPathFits: (path: string) => void
  /** SOCKET_OCCUPIED. */
  readonly inspectSocket: (path: string) => Promise<'free' | 'stale'>
  /** Takes the daemon's lock and gives it back at once: LOCK_UNUSABLE, DAEMON_ALREADY_RUNNING. */
  readonly tryLock: () => Promise<void>
  /** HTTP_TOKEN_UNSAFE; none is fine, and stays so. */
  readonly inspectHttpToken: (file: string) => Promise<void>
  /** HTTP_PORT_TAKEN. */
  readonly assertPortFree: (port: number) => Promise<void>
}

/** Why the daemon cannot start or serve, in the order of its start. Starts nothing, and leaves everything as it was. */
export async function runCheck(deps: CheckDeps): Promise<FindingsReport> {
  const { places } = deps
  let config: Config = deps.defaultConfig
  const configuration = await examine('configuration', async () => {
    config = await deps.readConfig()
    return ok(await nameOf(places.configFile))
  })
  const policy = await examine('policy', async () => ok(await deps.readPolicy().then(() => nameOf(places.policyFile))))
  const state = await examine('state directory', () => lookAtDirectory(places.stateDir, 'TANDEM_STATE_DIR'))
  const runtime = await examine('runtime directory', () => lookAtDirectory(places.runtimeDir, 'TANDEM_RUNTIME_DIR'))
  const isPlaceGood = [state, runtime].every(finding => finding.state === 'ok')
  // A directory that others can enter is not trusted to tell of a daemon.
  const daemon: DaemonState = isPlaceGood ? await findDaemon(deps) : noDaemon
  const findings: readonly Finding[] = [
    await examine('node', () => ok(`Node ${process.versions.node}`)),
    configuration,
    policy,
    state,
    runtime,
    await examine('disk', () =>
      state.state === 'ok' ? lookAtDisk(places.stateDir) : skipped('its directory has to be right first'),
    ),
    await examine('daemon', () =>
      lookAtDaemon(daemon, { isPlaceGood, tryLock: deps.tryLock, version: deps.version, places }),
    ),
    await examine('last start', () =>
      isPlaceGood ? lookAtLastStart(places, daemon) : skipped('its directory has to be right first'),
    ),
    await examine('socket', () => lookAtSocket(deps, { daemon, isPlaceGood })),
    await examine('log', () => lookAtLog(places)),
    await examine('store', () => lookAtStore(deps, config)),
    await examine('http', () =>
      isPlaceGood ? lookAtHttp(deps, config, daemon) : skipped('its directories have to be right first'),
    ),
    ...(await examineCodex(deps, config, daemon)),
  ]
  return { findings: [...findings] }
}

async function examineCodex(deps: CheckDeps, config: Config, daemon: DaemonState): Promise<readonly Finding[]> {
  const home = codexHomeOf({ ...deps, config })
  return [
    await examine('codex', () => lookAtCodexProgram({ ...deps, configured: config.codex.path, daemon })),
    await examine('codex home', () => lookAtCodexHome(home)),
    await examine('login', () => lookAtLogin(home.directory, deps.env)),
    await examine('provider key', () => lookAtProviderKey(home.directory, deps.env, daemon)),
  ]
}

async function nameOf(file: string): Promise<string> {
  return access(file).then(
    () => file,
    () => `there is no ${file}: the defaults hold`,
  )
}

async function lookAtDirectory(path: string, variable: 'TANDEM_STATE_DIR' | 'TANDEM_RUNTIME_DIR'): Promise<Look> {
  return ok((await checkPrivateDirectory(path, variable)) ? path : `${path} (made at the first start)`)
}

async function lookAtSocket(
  { places, assertSocketPathFits, inspectSocket }: CheckDeps,
  { daemon, isPlaceGood }: { readonly daemon: DaemonState; readonly isPlaceGood: boolean },
): Promise<Look> {
  assertSocketPathFits(places.socketPath)
  if (!isPlaceGood) return skipped('its directory has to be right first')
  const refusal = refusalOfSocket(daemon)
  if (refusal !== undefined) throw socketOccupiedFor(places.socketPath, refusal)
  if (daemon.kind === 'answers') return ok(socketText(places, await socketOf(places, daemon.pid)))
  if (isThere(daemon)) return ok(places.socketPath)
  const found = await inspectSocket(places.socketPath)
  return ok(
    found === 'free'
      ? places.socketPath
      : `${places.socketPath}, of a daemon that has ended: the next start replaces it`,
  )
}

/** A daemon keeps the address of its start; every command of its state directory finds it there. */
function socketText({ socketPath }: CheckDeps['places'], used: string): string {
  return used === socketPath ? used : `${used}, of the daemon that runs; started from this shell: ${socketPath}`
}

async function lookAtStore({ places }: CheckDeps, { store }: Config): Promise<Look> {
  // A daemon that runs writes there itself.
  const writer = store.url === undefined ? await writerOf(places.storeFile, lockHolder(places.lockFile)) : undefined
  if (writer !== undefined) throw storeHeld(places.storeFile, writer)
  const url = store.url === undefined ? {} : { url: new Secret(store.url) }
  const { place, version } = await inspectStore({ file: places.storeFile, ...url })
  if (store.url !== undefined) return ok(`${place} answers`)
  return ok(version === undefined ? `${place} (made at the first start)` : `${place}, sound, version ${version}`)
}

async function lookAtHttp(deps: CheckDeps, { http }: Config, daemon: DaemonState): Promise<Look> {
  if (!http.enabled) return ok('off, as configured')
  await deps.inspectHttpToken(deps.places.httpTokenFile)
  const part = partOfDaemon(daemon, 'http')
  if (part !== undefined && part.state !== 'healthy') throw daemonPartWrong(part)
  if (isThere(daemon)) return ok('`tandem health` says how it serves')
  if (http.port === 0) return ok('takes a free port')
  await deps.assertPortFree(http.port)
  return ok(`port ${http.port} is free`)
}
