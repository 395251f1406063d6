import { lstat } from 'node:fs/promises'
import { errorShapeOf, systemCodeOf } from '#kernel'
import { ensurePrivateDirectory } from '#ops'
import { claimSocket } from './claim-socket.ts'
import type { Places } from '#contracts'
import type { Clock, Log } from '#kernel'
import type { SocketDoor } from '#socket'
import type { PublishedAddress } from './publish-address.ts'

/** A socket that is lost is back after this, and the time to notice. */
const lookEveryMs = 2000

interface KeepSocketDeps {
  readonly places: Pick<Places, 'socketPath' | 'runtimeDir'>
  readonly door: Pick<SocketDoor, 'listenAgain'>
  readonly address: Pick<PublishedAddress, 'restore'>
  readonly clock: Clock
  readonly log: Log
}

/**
 * Puts the socket back when its file is deleted or replaced under the daemon: a cleaner of temporary files, or the end of a
 * login session that takes its runtime directory with it. What is not ours to remove is left alone, and reported once.
 */
export async function keepSocket(deps: KeepSocketDeps): Promise<AsyncDisposable> {
  const { clock, log, places } = deps
  let isOver = false
  let lastProblem = ''
  let ours = await identityOf(places.socketPath)
  let looking = Promise.resolve()
  let timer = clock.after(lookEveryMs, begin)

  function begin(): void {
    looking = look()
  }

  async function look(): Promise<void> {
    try {
      await deps.address.restore()
      if (ours === undefined || (await identityOf(places.socketPath)) !== ours) {
        await putBack(deps)
        ours = await identityOf(places.socketPath)
        log.warn({ socket: places.socketPath }, 'the socket was gone and is back')
      }
      lastProblem = ''
    } catch (error) {
      const problem = errorShapeOf(error)
      if (problem.message !== lastProblem) log.error({ error: problem }, 'the socket is gone and cannot be put back')
      lastProblem = problem.message
    }
    if (!isOver) timer = clock.after(lookEveryMs, begin)
  }

  return {
    async [Symbol.asyncDispose]() {
      isOver = true
      timer[Symbol.dispose]()
      await looking
    },
  }
}

async function putBack({ door, places }: KeepSocketDeps): Promise<void> {
  await ensurePrivateDirectory(places.runtimeDir, 'TANDEM_RUNTIME_DIR')
  await claimSocket(places.socketPath)
  await door.listenAgain()
}

/** Which file has the name; undefined for none. The number of a bound socket is not given to another while it is open. */
async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await lstat(path)
    return `${dev}:${ino}`
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
