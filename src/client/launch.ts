import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import { supervisorNotStarted } from './errors.ts'
import type { Places } from '#contracts'
import type { LaunchedDaemon } from './lifecycle.ts'

export interface SupervisedLaunch {
  readonly places: Places
  /** The shipped supervisor.sh. */
  readonly supervisor: string
  /** Program and arguments of the daemon, with absolute paths: it does not run where we do. */
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Starts the supervisor in a session of its own, with its error output in the log file; it outlives us.
 * The state directory must be there and ours.
 */
export async function launchSupervised(options: SupervisedLaunch): Promise<LaunchedDaemon> {
  const log = openLogFile(options.places.logFile)
  try {
    // The state directory among the arguments is what `down` recognises the supervisor by.
    const child = spawn('/bin/sh', [options.supervisor, options.places.stateDir, ...options.command], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', 'ignore', log],
      env: { ...options.env },
    })
    await once(child, 'spawn')
    child.unref()
    return { pid: child.pid, stop: () => void child.kill('SIGTERM') }
  } catch (error) {
    throw supervisorNotStarted(error)
  } finally {
    closeSync(log)
  }
}

function openLogFile(file: string): number {
  try {
    return openSync(file, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  } catch (error) {
    throw supervisorNotStarted(error)
  }
}
