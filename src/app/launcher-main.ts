import { up } from '#client'
import { systemClock } from '#kernel'
import { runLauncher } from '#launcher'
import { launchDaemon } from './daemon-launch.ts'
import { readEnvironment } from './environment.ts'

/* `claude-codex`: Claude Code with our server, commands and skill, and the daemon up. */

const environment = readEnvironment()

process.exitCode = await runLauncher(process.argv.slice(2), {
  places: environment.places,
  version: environment.version,
  env: environment.env,
  packageDir: environment.packageDir,
  up: () =>
    up({
      places: environment.places,
      clock: systemClock,
      identity: { name: 'claude-codex', version: environment.version },
      launch: () => launchDaemon(environment),
      runDaemon: async () => (await import('./daemon.ts')).runDaemon(environment),
    }),
  stdout: process.stdout,
  stderr: process.stderr,
})
