import { runStoreCopy } from '#local'
import { AppError, cancelled, systemClock } from '#kernel'
import { ensurePrivateDirectory } from '#ops'
import { onLeave } from './connect.ts'
import { storeInUse } from './errors.ts'
import { takeLock } from './lock.ts'
import { readConfig } from './read-config.ts'
import type { StoreCopyRequest } from '#cli'
import type { StoreCopy } from '#contracts'
import type { Log } from '#kernel'
import type { DaemonLock } from './lock.ts'
import type { Environment } from './environment.ts'

/** `tandem store copy`: no daemon of this state directory runs meanwhile. A signal ends it, with nothing there. */
export async function copyStoreHere(
  { cwd, places }: Environment,
  { onStep, signal, ...request }: StoreCopyRequest,
): Promise<StoreCopy> {
  const leaving = new AbortController()
  using _listening = onLeave(() => leaving.abort(cancelled('the copy')))
  await ensurePrivateDirectory(places.stateDir, 'TANDEM_STATE_DIR')
  using _lock = await lockOf(places)
  const config = await readConfig(places.configFile)
  const deps = {
    config,
    places,
    cwd,
    clock: systemClock,
    log: warningsTo(onStep),
    signal: AbortSignal.any([signal, leaving.signal]),
    onStep,
  }
  return await runStoreCopy(deps, request)
}

async function lockOf(places: Environment['places']): Promise<DaemonLock> {
  try {
    return await takeLock(places, systemClock)
  } catch (error) {
    if (error instanceof AppError && error.code === 'DAEMON_ALREADY_RUNNING') throw storeInUse(error)
    throw error
  }
}

/** There is no log file without a daemon. */
function warningsTo(onStep: (step: string) => void): Log {
  const say: Log['warn'] = (_fields, event) => onStep(event)
  return { debug: () => undefined, info: () => undefined, warn: say, error: say }
}
