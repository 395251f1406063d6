import { execFileSync } from 'node:child_process'
import type { TandemWorld } from './tandem-world.ts'

/** The state directory on a disk of its own, of so many bytes. Disposing stops the daemon first. */
export function mountState(world: TandemWorld, bytes: number): AsyncDisposable {
  const { stateDir } = world.places
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=0700`, 'tandem-test', stateDir])
  return {
    async [Symbol.asyncDispose]() {
      await world.tandem(['down'])
      execFileSync('umount', ['--lazy', stateDir])
    },
  }
}
