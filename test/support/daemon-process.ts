import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createClient } from '#client'
import { sleep, systemClock } from '#kernel'
import { caller } from './tandem-world.ts'
import { finished } from './tandem.ts'
import type { ChildProcess } from 'node:child_process'
import type { Finished } from './tandem.ts'
import type { TandemWorld } from './tandem-world.ts'

const program = resolve(import.meta.dirname, '../../bin/tandem')

/** The released daemon without a supervisor, perhaps under another program such as strace. Disposing ends it by force. */
export interface DaemonProcess extends AsyncDisposable {
  /** The wrapper, where there is one; else the daemon. */
  readonly child: ChildProcess
  /** The daemon itself. */
  readonly pid: number
  readonly ended: Promise<Finished>
}

export interface DaemonOptions {
  /** Program and arguments that come before the daemon's own. */
  readonly wrapper?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Starts it and does not wait. */
export function spawnDaemon(world: TandemWorld, { wrapper = [], env = {} }: DaemonOptions = {}): ChildProcess {
  const [command, ...args] = [...wrapper, program, 'daemon']
  return spawn(command, args, { env: { ...world.env, ...env }, cwd: world.project, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Resolves when it serves; rejects with what it said when it ends before. */
export async function startDaemon(world: TandemWorld, options: DaemonOptions = {}): Promise<DaemonProcess> {
  const child = spawnDaemon(world, options)
  const ended = finished(child)
  const pid = await Promise.race([untilServing(world), ended.then(end => Promise.reject(endedEarly(end)))])
  return {
    child,
    pid,
    ended,
    async [Symbol.asyncDispose]() {
      for (const one of [pid, child.pid]) if (one !== undefined) endByForce(one)
      await ended
    },
  }
}

/** The pid of the daemon that answers in this world. */
export async function untilServing(world: TandemWorld, withinMs = 60_000): Promise<number> {
  const until = performance.now() + withinMs
  for (;;) {
    try {
      return await servingPid(world)
    } catch (error) {
      if (performance.now() > until) throw error
      await sleep(30)
    }
  }
}

/** Asks without starting one. */
export async function servingPid(world: TandemWorld): Promise<number> {
  const identity = { name: 'test', version: '0.0.0' }
  await using client = createClient({ places: world.places, clock: systemClock, identity, connectTimeoutMs: 2000 })
  return (await client.call('status', {}, { caller })).pid
}

/** Resident memory in bytes (proc_pid_status(5)). */
export function memoryOf(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kilobytes) * 1024
}

function endByForce(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}

const endedEarly = ({ code, signal, stderr }: Finished): Error =>
  new Error(`the daemon ended with ${code ?? signal}: ${stderr}`)
