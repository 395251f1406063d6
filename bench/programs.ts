import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import type { ChildProcess } from 'node:child_process'
import { connectRaw } from '../test/support/raw-client.ts'
import { sleep } from '#kernel'

export interface Program extends AsyncDisposable {
  readonly child: ChildProcess
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** A program that goes on until it is disposed; it is asked to end, then made to. */
export function startProgram(command: string, args: readonly string[], options: ProgramOptions = {}): Program {
  const child = spawn(command, [...args], { ...options, stdio: 'ignore' })
  const exited = once(child, 'exit')
  exited.catch(() => undefined /* it could not be started: whoever waits for what it does is told by its own limit */)
  return {
    child,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), endMs)
      await exited
      clearTimeout(kill)
    },
  }
}

/** Runs a program to its end, which must be a good one. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<void> {
  const child = spawn(command, [...args], { ...options, stdio: 'ignore' })
  await once(child, 'exit')
  if (child.exitCode !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with ${child.exitCode ?? child.signalCode}`)
}

/** Until somebody takes connections there. */
export async function untilListening(path: string): Promise<void> {
  await untilTrue(() => isListening(path), `nobody listens on ${path}`)
}

/** Until the daemon at this socket has answered, as a client sees it. */
export async function untilAnswering(path: string): Promise<void> {
  await untilListening(path)
  using client = await connectRaw(path)
  const answer = await client.hello()
  if (!('result' in answer)) throw new Error(`the daemon refused: ${JSON.stringify(answer)}`)
}

async function isListening(path: string): Promise<boolean> {
  const socket = createConnection(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    // Not yet.
    return false
  } finally {
    socket.destroy()
  }
}

/** Looks every two milliseconds, for a minute. */
export async function untilTrue(isSo: () => boolean | Promise<boolean>, otherwise: string): Promise<void> {
  const until = performance.now() + patienceMs
  while (!(await isSo())) {
    if (performance.now() > until) throw new Error(`${otherwise} after ${patienceMs} ms`)
    await sleep(2)
  }
}

const patienceMs = 60_000
const endMs = 15_000
