import { startSupervised } from '#client'
import { systemClock } from '#kernel'
import { runLauncher } from '#launcher'
import { launchDaemon } from './daemon-launch.ts'
import { readEnvironment, readSurroundings } from './environment.ts'
import type { Environment } from './environment.ts'

/* `claude-codex`: Claude Code with our server, commands and skill, and the daemon up. */

const around = readSurroundings()
const environment = (): Environment => readEnvironment(around)

process.exitCode = await runLauncher(process.argv.slice(2), {
  places: () => environment().places,
  version: around.version,
  env: around.env,
  packageDir: around.packageDir,
  up: async () => startDaemon(environment()),
  stdout: process.stdout,
  stderr: process.stderr,
})

async function startDaemon(here: Environment): Promise<void> {
  const identity = { name: 'claude-codex', version: here.version }
  await startSupervised({ places: here.places, clock: systemClock, identity, launch: () => launchDaemon(here) })
}
