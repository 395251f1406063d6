import { access } from 'node:fs/promises'
import {
  createClient,
  daemonSuspended,
  isSuspended,
  lockHolder,
  readAddress,
  readStartError,
  strayAddress,
} from '#client'
import { AppError } from '#kernel'
import { addressStray, daemonHangs, daemonPartWrong, daemonOtherVersion } from './errors.ts'
import { ok, skipped, warning } from './finding.ts'
import type { Client } from '#client'
import type { Health, HelloResult, PartHealth, Places } from '#contracts'
import type { Clock } from '#kernel'
import type { Look } from './finding.ts'

export type DaemonState =
  | { readonly kind: 'none'; readonly pid: undefined }
  /** `health` is undefined when it did not tell in time. */
  | {
      readonly kind: 'answers'
      readonly pid: number
      readonly hello: HelloResult
      readonly health: Health | undefined
    }
  /** Another program holds the lock: none runs, and none can start. */
  | { readonly kind: 'stranger'; readonly pid: undefined; readonly error: AppError }
  /** Somebody holds the lock, or is at the socket, and does not greet. */
  | { readonly kind: 'silent'; readonly pid: number | undefined; readonly error: AppError }

export const noDaemon: DaemonState = { kind: 'none', pid: undefined }

export const isThere = ({ kind }: DaemonState): boolean => kind === 'answers' || kind === 'silent'

/** How the daemon itself finds one of its parts; undefined when none runs, or it does not tell. */
export function partOfDaemon(daemon: DaemonState, name: string): PartHealth | undefined {
  return daemon.kind === 'answers' ? daemon.health?.parts.find(({ part }) => part === name) : undefined
}

async function healthOf(client: Client): Promise<Health | undefined> {
  const signal = AbortSignal.timeout(greetMs)
  // What keeps it from telling is said by `tandem health`.
  return client.call('health', {}, { caller: { door: 'cli' }, signal }).catch(() => undefined)
}

/** Greets the daemon if there is one; starts none. */
export async function findDaemon(deps: {
  readonly places: Places
  readonly version: string
  readonly clock: Clock
}): Promise<DaemonState> {
  const { places, clock } = deps
  const holder = lockHolder(places.lockFile)
  // One in a container has an address, and a lock that cannot be seen.
  if (holder === null && (await readAddress(places)) === undefined) return noDaemon
  await using client = createClient({
    places,
    clock,
    identity: { name: 'tandem check', version: deps.version },
    connectTimeoutMs: greetMs,
  })
  try {
    const hello = await client.connect()
    return { kind: 'answers', pid: hello.pid, hello, health: await healthOf(client) }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    // Where the kernel does not tell who holds the lock, nobody at the socket means that there is none.
    if (typeof holder !== 'number' && error.code === 'DAEMON_NOT_RUNNING') return noDaemon
    if (error.code === 'LOCK_HELD') return { kind: 'stranger', pid: undefined, error }
    return { kind: 'silent', pid: holder ?? undefined, error }
  }
}

export async function lookAtDaemon(
  daemon: DaemonState,
  deps: {
    readonly isPlaceGood: boolean
    readonly tryLock: () => Promise<void>
    readonly version: string
    readonly places: Places
  },
): Promise<Look> {
  if (!deps.isPlaceGood) return skipped('its directories have to be right first')
  switch (daemon.kind) {
    case 'answers':
      return lookAtAnswering(daemon, deps.version)
    case 'silent': {
      if (refusalOfSocket(daemon) !== undefined) return skipped('what is at its socket has to go first')
      if (daemon.pid === undefined || daemon.error.code === 'DESCRIPTORS_EXHAUSTED') throw daemon.error
      if (isSuspended(daemon.pid)) throw daemonSuspended(daemon.pid)
      throw daemonHangs(daemon.pid, daemon.error)
    }
    case 'stranger':
      throw daemon.error
    case 'none':
      if (await isMade(deps.places.stateDir)) await deps.tryLock()
      return await withoutDaemon(deps.places)
  }
}

function lookAtAnswering(daemon: Extract<DaemonState, { kind: 'answers' }>, own: string): Look {
  const { pid, hello, health } = daemon
  if (hello.version !== own) return warning(daemonOtherVersion(pid, { daemon: hello.version, own }))
  const wrong = health?.parts.find(isWrong)
  if (wrong !== undefined)
    throw daemonPartWrong({ ...wrong, why: `its part ${wrong.part}: ${wrong.why ?? wrong.state}` })
  return ok(`answers: pid ${pid}, version ${hello.version}`, { pid, version: hello.version })
}

/** Of what no other finding tells. A busy machine is no fault; a Codex that runs, or is not found, has a finding of its own. */
function isWrong({ part, state, details }: PartHealth): boolean {
  if (state === 'healthy') return false
  if (part === 'codex') return typeof details['last_error'] === 'string'
  return ['socket', 'store read', 'store write', 'supervisor'].includes(part)
}

/** Nobody can ask the daemon, whether it hangs or not, when something else is where its socket should be. */
export function refusalOfSocket(daemon: DaemonState): AppError | undefined {
  return daemon.kind === 'silent' && ofSocket.has(daemon.error.code) ? daemon.error : undefined
}

const ofSocket: ReadonlySet<string> = new Set(['DAEMON_UNSAFE_SOCKET', 'SOCKET_FOREIGN'])

async function withoutDaemon(places: Places): Promise<Look> {
  const stray = await strayAddress(places)
  if (stray !== undefined) return warning(addressStray(places.addressFile, stray.socket))
  return ok('none runs; the next command that needs one starts it')
}

/** The last one that could not start has told why; whatever passes since may have cured it. */
export async function lookAtLastStart(places: Places, daemon: DaemonState): Promise<Look> {
  if (isThere(daemon)) return ok('the daemon runs')
  const failure = await readStartError(places)
  return failure === undefined ? ok('none has failed') : warning(failure)
}

async function isMade(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

const greetMs = 3000
