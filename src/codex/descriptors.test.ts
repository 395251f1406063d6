import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { openPlace } from './harness.ts'

/** Everything is loaded, and then nothing more can be opened. */
const program = `
  import { openSync, closeSync } from 'node:fs'
  const { probeCodexVersion, readUserConfig, startCodexHost } = await import(process.env.CODEX)
  const { silentLog, systemClock } = await import(process.env.KERNEL)
  const binary = { path: process.execPath, executable: process.execPath, source: 'configuration' }
  const host = await startCodexHost({ binary, env: {}, stateDir: process.argv[1], clock: systemClock, log: silentLog })
  const told = []
  // What waits for a clock of ours does not keep a process.
  const alive = setInterval(() => undefined, 1000)
  const tell = error => void told.push([error.code, error.message])
  const taken = []
  try { for (;;) taken.push(openSync('/dev/null')) } catch {}
  await readUserConfig(process.argv[1]).catch(tell)
  await probeCodexVersion(binary, { timeoutMs: 5000, env: {} }).catch(tell)
  await host.connection({ timeoutMs: 5000 }).catch(tell)
  for (const one of taken) closeSync(one)
  await host[Symbol.asyncDispose]()
  clearInterval(alive)
  process.stdout.write(JSON.stringify(told))`

it('with no descriptor left says so of the configuration and of the program, and lives', async () => {
  await using place = await openPlace()
  await writeFile(join(place.stateDir, 'config.toml'), '')
  const env = {
    ...process.env,
    CODEX: new URL('./index.ts', import.meta.url).href,
    KERNEL: new URL('../kernel/index.ts', import.meta.url).href,
  }
  const words = ['-c', 'ulimit -n 64; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', program]
  const { stdout } = await promisify(execFile)('/bin/sh', [...words, place.stateDir], { env })
  const full = expect.stringContaining('this process has as many files open as it may')
  expect(JSON.parse(stdout)).toEqual([
    ['DESCRIPTORS_EXHAUSTED', full],
    ['DESCRIPTORS_EXHAUSTED', full],
    ['CODEX_BREAKER_OPEN', full],
  ])
})
