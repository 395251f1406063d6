import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Need } from './fault.ts'

/** To be another user, to own nothing of another's, to mount. */
export const needsRoot: Need = () => (process.getuid?.() === 0 ? undefined : 'needs root')

export const needsProc: Need = () => {
  try {
    readFileSync('/proc/locks')
    return undefined
  } catch {
    return 'needs /proc'
  }
}

/** A program that a machine may not have; `proof` are arguments with which it ends well where it works. */
export const needsProgram =
  (name: string, proof: readonly string[] = ['--version']): Need =>
  () =>
    spawnSync(name, [...proof], { stdio: 'ignore' }).status === 0 ? undefined : `${name} is missing or not allowed here`
