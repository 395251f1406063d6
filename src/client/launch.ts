import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import { access } from 'node:fs/promises'
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
  /** Default: /bin/sh. */
  readonly shell?: string
}

/**
 * Starts the supervisor in a session of its own, with its error output in the log file; it outlives us.
 * The state directory must be there and ours. SUPERVISOR_NOT_STARTED where no such process can be had.
 */
export async function launchSupervised(options: SupervisedLaunch): Promise<LaunchedDaemon> {
  const log = openLogFile(options.places.logFile)
  try {
    // A shell without its script ends at once, which nobody would see.
    await access(options.supervisor, constants.R_OK)
    // The state directory among the arguments is what `down` recognises the supervisor by.
    const child = spawn(options.shell ?? '/bin/sh', [options.supervisor, options.places.stateDir, ...options.command], {
      detached: true,
      cwd: '/',
      stdio: ['ignore', 'ignore', log ?? 'ignore'],
      env: { ...options.env },
    })
    await once(child, 'spawn')
    child.unref()
    return { pid: child.pid, stop: () => void child.kill('SIGTERM') }
  } catch (error) {
    throw supervisorNotStarted(error)
  } finally {
    if (log !== undefined) closeSync(log)
  }
}

/** Undefined where there can be none: the daemon serves without a log, and its health says so. */
function openLogFile(file: string): number | undefined {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  try {
    return openSync(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o600)
  } catch {
    return undefined
  }
}
