import { randomUUID } from 'node:crypto'
import { AppError, cancelled, systemClock, within } from '#kernel'
import { startChild } from './child.ts'
import { codexNotRunnable, codexTooOld } from './errors.ts'
import type { CodexBinary } from './binary.ts'

export interface CodexVersion {
  readonly text: string
  readonly major: number
  readonly minor: number
  readonly patch: number
  /** Whether it lies in `testedRange`. Outside of it: warn, and go on. */
  readonly isTested: boolean
}

/** What our tests run against; nothing else is claimed. */
export const testedRange = { from: '0.169.0', to: '0.169.x' } as const

/** The first in which the app-server is the only server of Codex. What we ask of it (permission profiles, hooks) was seen in none before. */
const oldestVersion = '0.154.0'

export interface ProbeOptions {
  readonly timeoutMs: number
  readonly env: Readonly<Record<string, string>>
  /** Gives the question up: CANCELLED. */
  readonly signal?: AbortSignal | undefined
  /** As in `CodexHostDeps`. */
  readonly umask?: number | undefined
}

/** Asks the program for its version. CODEX_NOT_RUNNABLE when it does not tell; CODEX_TOO_OLD when it is older than `oldestVersion` or has no app-server. */
export async function probeCodexVersion(binary: CodexBinary, options: ProbeOptions): Promise<CodexVersion> {
  const version = parseCodexVersion(await outputOf(binary, ['--version'], options))
  if (version === null) throw codexNotRunnable(binary.path, undefined)
  if (isTooOld(version) || (isOlderThanTested(version) && !(await hasAppServer(binary, options))))
    throw codexTooOld(version.text, binary.path, oldestVersion)
  return version
}

/** The version in "codex-cli 0.169.0" or "tandem/0.169.0 (…)", null when there is none. */
export function parseCodexVersion(text: string): CodexVersion | null {
  const found = /(\d+)\.(\d+)\.(\d+)(?:[-+][\w.]+)?/.exec(text)
  if (found === null) return null
  const [major, minor, patch] = [Number(found[1]), Number(found[2]), Number(found[3])]
  return { text: found[0], major, minor, patch, isTested: major === testedMajor && minor === testedMinor }
}

async function hasAppServer(binary: CodexBinary, options: ProbeOptions): Promise<boolean> {
  try {
    await outputOf(binary, ['app-server', '--help'], options)
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'CANCELLED') throw error
    // Clap ends with an error for a subcommand that it does not know.
    return false
  }
}

/** What it wrote before it ended well. One that hangs or is not wanted any more is killed with all that it started. */
async function outputOf(binary: CodexBinary, args: readonly string[], options: ProbeOptions): Promise<string> {
  const { signal, timeoutMs } = options
  throwIfGivenUp(signal)
  const lines: string[] = []
  const child = startChild({
    command: binary.executable,
    args,
    env: options.env,
    cwd: '/',
    mark: randomUUID(),
    umask: options.umask,
    clock: systemClock,
    maxLineBytes,
    onLine: line => lines.length < maxLines && lines.push(line),
    onLineTooLong: () => child.kill(),
  })
  const kill = (): void => child.kill()
  signal?.addEventListener('abort', kill, { once: true })
  const ended = await within(systemClock, timeoutMs, child.exited)
  signal?.removeEventListener('abort', kill)
  throwIfGivenUp(signal)
  if (ended.kind === 'timeout') kill()
  const { code, spawnError } = await child.exited
  if (code !== 0) throw codexNotRunnable(binary.path, spawnError ?? undefined)
  return lines.join('\n')
}

function throwIfGivenUp(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw cancelled('asking codex for its version', signal.reason)
}

const isTooOld = ({ major, minor }: CodexVersion): boolean => major === 0 && minor < 154

const isOlderThanTested = (version: CodexVersion): boolean =>
  version.major < testedMajor || (version.major === testedMajor && version.minor < testedMinor)

const maxLineBytes = 64 * 1024
const maxLines = 1000
const testedMajor = 0
const testedMinor = 169
