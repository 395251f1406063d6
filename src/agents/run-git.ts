import { execFile } from 'node:child_process'
import { constants, setPriority } from 'node:os'
import type { ExecFileException } from 'node:child_process'

export interface GitOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly maxBytes?: number
  readonly input?: string
  /** Runs when nothing else wants to: nobody waits for it now. */
  readonly isBeside?: boolean
  /** Where git is started; without it, in this thread. */
  readonly thread?: GitThread | undefined
}

export interface GitThread {
  /** As `runGit`; the options are without a thread. */
  run(args: readonly string[], options: GitOptions): Promise<GitResult>
}

export interface GitResult {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
  /** True when it was ended because it took or printed too much. */
  readonly wasCutOff: boolean
  /** Null when it was ended, or could not be started. */
  readonly exitCode: number | null
}

/**
 * Runs git so that nothing configured inside the repository is executed: no hooks, no file-system monitor, no external
 * diff, no pager, no fetching of missing objects. Clean and smudge filters are switched off by the caller (`withoutFilters`), as their names differ.
 * Never rejects.
 */
export function runGit(args: readonly string[], { thread, ...options }: GitOptions): Promise<GitResult> {
  return thread === undefined ? runGitHere(args, options) : thread.run(args, options)
}

/** In this thread; `signal` kills it, as its time-out does. */
export function runGitHere(
  args: readonly string[],
  options: Omit<GitOptions, 'thread'>,
  signal?: AbortSignal,
): Promise<GitResult> {
  return new Promise(resolve => {
    const child = execFile(
      'git',
      [...safeConfig, ...args],
      {
        cwd: options.cwd,
        env: { ...options.env, ...safeEnvironment },
        timeout: options.timeoutMs,
        killSignal: 'SIGKILL',
        maxBuffer: options.maxBytes ?? 16 * 1024 * 1024,
        encoding: 'utf8',
      },
      (error, stdout, stderr) => {
        signal?.removeEventListener('abort', kill)
        const wasCutOff =
          error !== null && (error.killed === true || error.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER')
        resolve({
          ok: error === null,
          stdout,
          stderr: error !== null && stderr === '' ? error.message : stderr,
          wasCutOff,
          exitCode: exitCodeOf(error),
        })
      },
    )
    // Given to `execFile`, a signal would end it by a SIGTERM, which it may ignore, whatever `killSignal` says.
    const kill = (): void => void child.kill('SIGKILL')
    if (signal?.aborted === true) kill()
    signal?.addEventListener('abort', kill, { once: true })
    if (options.isBeside === true) stepBack(child.pid)
    child.stdin?.on('error', () => undefined /* git may end before it has read everything: its exit code tells */)
    child.stdin?.end(options.input ?? '')
  })
}

/** Below everything else of its user; by its id, as it is running already. */
function stepBack(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW)
  } catch {
    // It has ended, or the system has no priorities for us: then it runs like any other.
  }
}

function exitCodeOf(error: ExecFileException | null): number | null {
  if (error === null) return 0
  return typeof error.code === 'number' ? error.code : null
}

/** No locks, no questions, English; and no transport, as a partial clone would fetch by a command of its configuration. */
const safeEnvironment = {
  GIT_OPTIONAL_LOCKS: '0',
  GIT_TERMINAL_PROMPT: '0',
  GIT_NO_LAZY_FETCH: '1',
  GIT_ALLOW_PROTOCOL: 'none',
  LC_ALL: 'C',
}

const safeConfig = [
  '-c',
  'core.fsmonitor=false',
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'core.pager=cat',
  '-c',
  'core.quotePath=false',
]

/** Bytes of names of filters that are read: what goes into an environment has a limit. */
const maxFilterBytes = 64 * 1024

/**
 * The same options with every clean, smudge and process filter emptied that any configuration of this repository names.
 * Undefined when that is not sure: then nothing may be run that would look into files.
 */
export async function withoutFilters(options: GitOptions): Promise<GitOptions | undefined> {
  const listed = await runGit(
    ['config', '--null', '--name-only', '--get-regexp', String.raw`^filter\..*\.(clean|smudge|process|required)$`],
    { ...options, maxBytes: maxFilterBytes },
  )
  // Exit code 1 is "none"; anything else is not known.
  if (!listed.ok && listed.exitCode !== 1) return undefined
  // A name that is not UTF-8 cannot be given back to git as it is.
  if (listed.stdout.includes('\uFFFD')) return undefined
  const names = [...new Set(listed.stdout.split('\0').filter(name => name !== ''))]
  // Not as `-c name=value`: git splits that at the first `=`, which may be one of the name.
  const settings = names.flatMap((name, index) => [
    [`GIT_CONFIG_KEY_${index}`, name],
    [`GIT_CONFIG_VALUE_${index}`, name.endsWith('.required') ? 'false' : ''],
  ])
  const env = { ...options.env, ...Object.fromEntries(settings), GIT_CONFIG_COUNT: String(names.length) }
  return { ...options, env }
}

/** The environment for git: what it needs to find itself and the user's configuration, no GIT_* of the caller. */
export function gitEnvironment(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {}
  for (const name of ['PATH', 'HOME', 'XDG_CONFIG_HOME', 'TMPDIR', 'USER', 'LOGNAME']) {
    const value = env[name]
    if (value !== undefined) kept[name] = value
  }
  return kept
}
