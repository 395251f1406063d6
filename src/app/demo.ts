import { runDemo } from '#local'
import { onLeave } from './connect.ts'
import type { Surroundings } from './environment.ts'

/** `tandem demo`; its exit code. A signal ends it in order. */
export async function runDemoHere(argv: readonly string[], around: Surroundings): Promise<number> {
  const leaving = new AbortController()
  using _listening = onLeave(() => leaving.abort())
  return await runDemo(argv, {
    version: around.version,
    env: around.env,
    packageDir: around.packageDir,
    stdout: process.stdout,
    stderr: process.stderr,
    signal: leaving.signal,
  })
}
