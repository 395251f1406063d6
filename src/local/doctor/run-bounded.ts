import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { messageOf, systemCodeOf } from '#kernel'

export interface BoundedRun {
  readonly code: number | null
  /** Standard output and error, the last 20,000 characters. */
  readonly output: string
  /** It could not be started, took too long, or was not wanted any more. */
  readonly problem?: string
}

/** Runs a program to its end, or ends it with all of its process group. */
export async function runBounded(
  file: string,
  args: readonly string[],
  options: {
    readonly cwd: string
    readonly env: Readonly<Record<string, string>>
    readonly timeoutMs: number
    readonly signal: AbortSignal
  },
): Promise<BoundedRun> {
  const { cwd, env, timeoutMs, signal } = options
  // A group of its own: Ctrl-C is for us, and we end all of it.
  const child = spawn(file, [...args], { cwd, env: { ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let output = ''
  const keep = (text: string): void => void (output = (output + text).slice(-20_000))
  child.stdout.setEncoding('utf8').on('data', keep)
  child.stderr.setEncoding('utf8').on('data', keep)
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
  const end = (): void => endGroup(child.pid)
  limit.addEventListener('abort', end, { once: true })
  try {
    await once(child, 'close')
  } catch (error) {
    return { code: null, output, problem: messageOf(error) }
  } finally {
    limit.removeEventListener('abort', end)
    endGroup(child.pid)
  }
  if (!limit.aborted) return { code: child.exitCode, output }
  return { code: null, output, problem: signal.aborted ? 'it was interrupted' : `no end within ${timeoutMs / 1000} s` }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // All of it is gone already.
    if (systemCodeOf(error) !== 'ESRCH') throw error
  }
}
