import { fstatSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { failCli, runCli } from '#cli'
import { down, readHealth, readLog, restart, up } from '#client'
import { plain, systemClock } from '#kernel'
import { callerOf, onInterrupt, openClient } from './connect.ts'
import { launchDaemon } from './daemon-launch.ts'
import { readEnvironment, readSurroundings } from './environment.ts'
import { exitCodes } from './errors.ts'
import type { CliDeps, InputStream } from '#cli'
import type { LifecycleDeps, RestartOutcome } from '#client'
import type { Environment, Surroundings } from './environment.ts'

/** The command line in this process; its exit code. */
export function runCommandLine(argv: readonly string[]): Promise<number> {
  return runCli(argv, cliDeps(readSurroundings()))
}

/** The environment itself is wrong, so that nothing can be run; its exit code. */
export function failCommandLine(argv: readonly string[], error: unknown): Promise<number> {
  return failCli(argv, { stdout: process.stdout, stderr: process.stderr, environment: process.env }, error)
}

function cliDeps(around: Surroundings): CliDeps {
  // Only for what needs it: help and completion answer whatever it says.
  const environment = (): Environment => readEnvironment(around)
  return {
    version: around.version,
    cwd: around.cwd,
    caller: callerOf(around, 'cli'),
    connect: async ({ startDaemon }) => openClient(environment(), { name: 'tandem', startDaemon }),
    lifecycle: {
      up: async options => up(lifecycleOf(environment()), options),
      down: async () => down(lifecycleOf(environment()), await configuredGrace(environment())),
      restart: async () => restartHere(environment()),
      readLog: async options => readLog(lifecycleOf(environment()), options),
      health: async signal => readHealth(lifecycleOf(environment()), { signal }),
    },
    local: {
      demo: async argv => (await import('./demo.ts')).runDemoHere(argv, around),
      policyAllow: async grant => (await import('./allow-policy.ts')).allowPolicy(environment(), grant),
      check: async () => (await import('./local.ts')).checkHere(environment()),
      doctor: async request => (await import('./local.ts')).doctorHere(environment(), request),
      claudeInstall: async request => (await import('./local.ts')).installHere(environment(), request),
      claudeUninstall: async request => (await import('./local.ts')).uninstallHere(environment(), request),
      storeCopy: async request => (await import('./store-copy.ts')).copyStoreHere(environment(), request),
      mcp: async () => (await import('./mcp.ts')).runMcpServer(environment()),
    },
    stdin: standardInput(),
    stdout: process.stdout,
    stderr: process.stderr,
    environment: around.env,
    clock: systemClock,
    onInterrupt,
    readFile: path => readFile(path, 'utf8'),
  }
}

function lifecycleOf(environment: Environment): LifecycleDeps {
  return {
    places: environment.places,
    clock: systemClock,
    identity: { name: 'tandem', version: environment.version },
    launch: () => launchDaemon(environment),
    runDaemon: () => runDaemonHere(environment),
  }
}

/** In front of a person, who is told when it serves; to standard error, as all that is not an answer. */
async function runDaemonHere(environment: Environment): Promise<number> {
  const { places, version } = environment
  const { runDaemon } = await import('./daemon.ts')
  const code = await runDaemon(environment, () => {
    const line = `the daemon is up: pid ${process.pid}, version ${version}, ${places.socketPath}`
    process.stderr.write(plain(`${line}\nits log: ${places.logFile}\n`))
  })
  // What the supervisor reads as "another one runs" is a conflict to a person, as when it was seen before.
  return code === exitCodes.alreadyRunning ? exitCodeOfConflict : code
}

const exitCodeOfConflict = 73

/** A daemon that works is not taken down where no other could start. */
async function restartHere(environment: Environment): Promise<RestartOutcome> {
  const { assertStartable } = await import('./assert-startable.ts')
  const { turns } = await assertStartable(environment.places)
  return restart(lifecycleOf(environment), { graceMs: turns.stop_grace_ms })
}

/** How long the daemon may take to stop is written where it is written for the daemon. */
async function configuredGrace({ places }: Environment): Promise<{ readonly graceMs?: number }> {
  const { readConfig } = await import('./read-config.ts')
  try {
    return { graceMs: (await readConfig(places.configFile)).turns.stop_grace_ms }
  } catch {
    // A file that is wrong must not keep one from stopping the daemon that started before it was.
    return {}
  }
}

function standardInput(): InputStream {
  return { kind: kindOfInput(), read: () => process.stdin }
}

function kindOfInput(): InputStream['kind'] {
  if (process.stdin.isTTY) return 'terminal'
  try {
    const found = fstatSync(0)
    return found.isFIFO() || found.isFile() ? 'pipe' : 'other'
  } catch {
    // Closed: nothing to read.
    return 'other'
  }
}
