import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { rule, say } from '#scripted-model'
import { openTandemWorld } from './tandem-world.ts'
import { processesOf } from './tandem.ts'
import { openUser } from './user.ts'
import type { Output, TandemWorld } from './tandem-world.ts'

export const echo = [rule('echo', {}, [say('you said {{lastText}}')])]
export const patiently = { timeout: 20_000, interval: 50 }
const digestOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')
export const codeIn = ({ err }: Output): string => /\bSTORE_[A-Z_]+\b/.exec(err)?.[0] ?? `no code in: ${err}`

/** A world whose database has some turns, and whose daemon is down. */
export async function openUsedWorld(): Promise<TandemWorld> {
  const world = await openTandemWorld(echo)
  const user = openUser(world)
  for (const prompt of ['one', 'two', 'three']) await user.answer(prompt)
  expect(await world.tandem(['down'])).toMatchObject({ code: 0 })
  return world
}

/** The start fails with this code and leaves the file as it is, and nothing that runs. */
export async function refusedUntouched(world: TandemWorld, code: string): Promise<Output> {
  const before = digestOf(world.places.storeFile)
  const refused = await world.tandem(['up'])
  expect([refused.code === 0, codeIn(refused)]).toEqual([false, code])
  expect(digestOf(world.places.storeFile)).toBe(before)
  await expect.poll(() => processesOf(world.folder), patiently).toEqual([])
  return refused
}

export async function turnsOf(world: TandemWorld): Promise<number> {
  return (await openUser(world).call('turns', {})).turns.length
}

export const startsAgain = async (world: TandemWorld): Promise<void> =>
  expect(await world.tandem(['up'])).toMatchObject({ code: 0 })
