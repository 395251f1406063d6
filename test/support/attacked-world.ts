import { rule, say } from '#scripted-model'
import { needsProgram, needsRoot } from './needs.ts'
import { openSecondUser } from './second-user.ts'
import { openTandemWorld } from './tandem-world.ts'
import type { SecondUser } from './second-user.ts'
import type { Output, TandemWorld } from './tandem-world.ts'

export const echo = [rule('echo', {}, [say('you said {{lastText}}')])]
export const needs = [needsRoot, needsProgram('setpriv', ['--reuid', '65534', '--clear-groups', 'true'])]
export const patiently = { timeout: 20_000, interval: 50 }
export const codeIn = ({ err }: Output): string =>
  /\b(?!TANDEM_)[A-Z]+_[A-Z_]+\b/.exec(err)?.[0] ?? `no code in: ${err}`

export async function openAttacked(): Promise<{ readonly world: TandemWorld; readonly other: SecondUser }> {
  const world = await openTandemWorld(echo)
  return { world, other: openSecondUser(world) }
}
