import { resolve } from 'node:path'
import { buildDist } from '../../scripts/build.ts'

/** Vitest's global set-up: the tests with real processes run the bundle as it is shipped, built from this source. */
export async function setup(): Promise<void> {
  await buildDist(resolve(import.meta.dirname, '../..'), () => undefined)
}
