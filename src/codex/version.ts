import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
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

export interface ProbeOptions {
  readonly timeoutMs: number
  readonly env: Readonly<Record<string, string>>
}

/** Asks the program for its version. CODEX_NOT_RUNNABLE when it does not tell; CODEX_TOO_OLD when it has no app-server. */
export async function probeCodexVersion(binary: CodexBinary, options: ProbeOptions): Promise<CodexVersion> {
  const version = parseCodexVersion(await outputOf(binary, ['--version'], options))
  if (version === null) throw codexNotRunnable(binary.path, undefined)
  if (isOlderThanTested(version) && !(await hasAppServer(binary, options))) throw codexTooOld(version.text, binary.path)
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
    await run(binary.executable, ['app-server', '--help'], limitsOf(options))
    return true
  } catch {
    // Clap ends with an error for a subcommand that it does not know.
    return false
  }
}

async function outputOf(binary: CodexBinary, args: readonly string[], options: ProbeOptions): Promise<string> {
  try {
    return (await run(binary.executable, [...args], limitsOf(options))).stdout
  } catch (error) {
    throw codexNotRunnable(binary.path, error)
  }
}

const isOlderThanTested = (version: CodexVersion): boolean =>
  version.major < testedMajor || (version.major === testedMajor && version.minor < testedMinor)

const limitsOf = (options: ProbeOptions) => ({
  timeout: options.timeoutMs,
  killSignal: 'SIGKILL' as const,
  env: { ...options.env },
})

const run = promisify(execFile)
const testedMajor = 0
const testedMinor = 169
