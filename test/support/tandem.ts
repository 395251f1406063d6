import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isAlive, statusOf } from '#client'
import { tempPlaces } from './fake-daemon.ts'
import type { ChildProcess } from 'node:child_process'
import type { Places } from '#contracts'

export interface Finished {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** The real program, run from source, with a home of its own. Disposing ends what it left running. */
export interface TestTandem extends AsyncDisposable {
  readonly root: string
  readonly places: Places
  readonly env: Record<string, string>
  /** Runs a command to its end. */
  run(argv: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>
  /** Starts a command that goes on. */
  start(argv: readonly string[]): ChildProcess
  /** The daemon that wrote its address, or undefined. */
  daemonPid(): number | undefined
  supervisorPid(): number | undefined
}

const main = fileURLToPath(new URL('../../src/app/main.ts', import.meta.url))

export function createTestTandem(): TestTandem {
  const temp = tempPlaces()
  const { places } = temp
  const env = { ...temp.env, PATH: process.env['PATH'] ?? '', TANDEM_TEST_ROOT: temp.root }
  mkdirSync(temp.env['CODEX_HOME'] ?? '', { recursive: true })
  const started: ChildProcess[] = []

  const start = (argv: readonly string[], more: Readonly<Record<string, string>> = {}): ChildProcess => {
    const child = spawn(process.execPath, [main, ...argv], {
      env: { ...env, ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    started.push(child)
    return child
  }

  return {
    root: temp.root,
    places,
    env,
    start,
    run: (argv, more) => finished(start(argv, more)),
    daemonPid: () => addressOf(places)?.pid,
    supervisorPid: () => addressOf(places)?.supervisor_pid ?? undefined,
    async [Symbol.asyncDispose]() {
      endProcessesOf(temp.root)
      for (const child of started) if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      temp[Symbol.dispose]()
    },
  }
}

export async function finished(child: ChildProcess): Promise<Finished> {
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => void (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => void (stderr += chunk.toString()))
  await once(child, 'close')
  return { code: child.exitCode, signal: child.signalCode, stdout, stderr }
}

/** Processes that have this test's own directory in their environment: the daemon, its supervisor, Codex. */
export function processesOf(root: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => pid !== process.pid && isAlive(pid) && environmentOf(pid).includes(root))
}

/** Supervisors first: they would bring the others back. */
export function endProcessesOf(root: string): void {
  for (const pid of processesOf(root).sort((a, b) => Number(isShell(b)) - Number(isShell(a)))) kill(pid)
}

export const commandOf = (pid: number): string => readOrEmpty(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
const environmentOf = (pid: number): string => readOrEmpty(`/proc/${pid}/environ`)
const isShell = (pid: number): boolean => commandOf(pid).includes('supervisor.sh') && statusOf(pid) !== undefined

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It ended while we looked.
    return ''
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}

function addressOf(places: Places): { readonly pid: number; readonly supervisor_pid: number | null } | undefined {
  if (!existsSync(places.addressFile)) return undefined
  return JSON.parse(readFileSync(places.addressFile, 'utf8'))
}
