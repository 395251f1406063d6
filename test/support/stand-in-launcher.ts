/* Stands in for `claude-codex`: the real launcher with a package directory made by the test, and no daemon to start. */
import { homedir } from 'node:os'
import { placesOf } from '#contracts'
import { runLauncher } from '#launcher'

process.exitCode = await runLauncher(process.argv.slice(2), {
  places: () => placesOf(process.env, homedir()),
  version: '0.0.0',
  env: process.env,
  packageDir: process.env['TANDEM_STAND_IN_PACKAGE'] ?? '',
  up: () => Promise.resolve(),
  stdout: process.stdout,
  stderr: process.stderr,
})
