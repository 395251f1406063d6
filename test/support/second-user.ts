import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ChildProcess } from 'node:child_process'
import type { TandemWorld } from './tandem-world.ts'

const nobody = 65_534
const become = ['--reuid', String(nobody), '--regid', String(nobody), '--clear-groups', '--inh-caps=-all']

/** Somebody else with an account on this machine. */
export interface SecondUser {
  readonly uid: number
  /** A directory of their own, that everybody may enter. */
  readonly home: string
  /** What a Node script of theirs prints; `err` when it fails. */
  run(script: string, args?: readonly string[]): { readonly out: string; readonly err: string }
  /** A Node script of theirs that goes on until it is killed. */
  start(script: string, args?: readonly string[]): ChildProcess
}

/** Opens the way to the world's directories as far as a home is open to others: what protects them is their own mode alone. */
export function openSecondUser(world: TandemWorld): SecondUser {
  chmodSync(world.folder, 0o755)
  const home = join(world.folder, 'second')
  mkdirSync(home, { recursive: true })
  chmodSync(home, 0o777)
  const argsOf = (script: string, args: readonly string[]): string[] => [
    ...become,
    process.execPath,
    '--input-type=module',
    '--eval',
    script,
    ...args,
  ]
  return {
    uid: nobody,
    home,
    run(script, args = []) {
      const { stdout, stderr } = spawnSync('setpriv', argsOf(script, args), {
        cwd: home,
        env: {},
        encoding: 'utf8',
        timeout: 30_000,
      })
      return { out: stdout.trim(), err: stderr }
    },
    start: (script, args = []) =>
      spawn('setpriv', argsOf(script, args), { cwd: home, env: {}, stdio: ['ignore', 'pipe', 'inherit'] }),
  }
}
