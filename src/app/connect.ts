import { createClient } from '#client'
import { systemClock } from '#kernel'
import { launchDaemon } from './daemon-launch.ts'
import type { Client } from '#client'
import type { Caller } from '#contracts'
import type { Environment, Surroundings } from './environment.ts'

/** A client of our daemon; with `startDaemon` it starts one that is not there. */
export function openClient(
  environment: Environment,
  options: { readonly name: string; readonly startDaemon: boolean },
): Client {
  const { places, version } = environment
  return createClient({
    places,
    clock: systemClock,
    identity: { name: options.name, version },
    ...(options.startDaemon ? { startDaemon: () => launchDaemon(environment) } : {}),
  })
}

/** Who calls: Claude Code tells its MCP servers, and commands in its shell, which session and project they belong to. */
export function callerOf({ env, version, cwd }: Surroundings, door: 'cli' | 'mcp'): Caller {
  const session = env['CLAUDE_CODE_SESSION_ID']
  // Else the one that it is run in. A program that is started at the root has not been given any.
  const project = env['CLAUDE_PROJECT_DIR'] || (door === 'cli' || cwd !== '/' ? cwd : undefined)
  return {
    door,
    // Behind the door `mcp` the client is the program that speaks MCP: it tells its name when it connects.
    ...(door === 'cli' ? { client: `tandem cli ${version}` } : {}),
    ...(session ? { claude_session_id: session.slice(0, 200) } : {}),
    ...(project ? { project_dir: project.slice(0, 4096) } : {}),
  }
}

/** Whatever asks a program to end goes to the listener: Ctrl-C, `kill`, a terminal that is closed. */
export function onLeave(listener: () => void): Disposable {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, listener)
  return {
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, listener)
    },
  }
}

/** Ctrl-C goes to the listener instead of ending the program, until it is disposed. */
export function onInterrupt(listener: () => void): Disposable {
  process.on('SIGINT', listener)
  return { [Symbol.dispose]: () => void process.off('SIGINT', listener) }
}
