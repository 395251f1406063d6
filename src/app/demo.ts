import { runDemo } from '#local'
import { onLeave } from './connect.ts'
import type { Environment } from './environment.ts'

/** `tandem demo`; its exit code. A signal ends it in order. */
export async function runDemoHere(argv: readonly string[], environment: Environment): Promise<number> {
  const leaving = new AbortController()
  using _listening = onLeave(() => leaving.abort())
  return await runDemo(argv, {
    version: environment.version,
    env: environment.env,
    packageDir: environment.packageDir,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: leaving.signal,
  })
}
