import { startSupervised } from '#client'
import { systemClock } from '#kernel'
import { failLauncher, runLauncher } from '#launcher'
import { launchDaemon } from './daemon-launch.ts'
import { readEnvironment } from './environment.ts'
import type { SupervisedDeps } from '#client'

/* `claude-codex`: Claude Code with our server, commands and skill, and the daemon up. */

process.exitCode = await run()

async function run(): Promise<number> {
  const { stdout, stderr } = process
  try {
    const environment = readEnvironment()
    const { places, version, env, packageDir } = environment
    const start: SupervisedDeps = {
      places,
      clock: systemClock,
      identity: { name: 'claude-codex', version },
      launch: () => launchDaemon(environment),
    }
    const deps = { places, version, env, packageDir, up: () => startSupervised(start), stdout, stderr }
    return await runLauncher(process.argv.slice(2), deps)
  } catch (error) {
    // The environment itself: the launcher tells its own failures.
    return failLauncher(error, stderr)
  }
}
