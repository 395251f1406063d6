import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { lockHolder } from '#client'
import { startContenders } from './support/lock-contenders.ts'
import { tempPlaces } from './support/fake-daemon.ts'
import type { Contenders } from './support/lock-contenders.ts'

let temp: ReturnType<typeof tempPlaces>
let contenders: Contenders

beforeEach(() => {
  temp = tempPlaces()
  mkdirSync(temp.places.stateDir, { recursive: true, mode: 0o700 })
})
afterEach(async () => {
  await contenders[Symbol.asyncDispose]()
  temp[Symbol.dispose]()
})

/** Two that try at the same instant may turn each other away: who is refused once must try again before it gives up. */
const waitMs = 400

/** All try at once; what each says, and who got it. */
async function race(all: Contenders['all']): Promise<{ readonly words: readonly string[]; readonly winner: number }> {
  for (const one of all) one.tell()
  const words = await Promise.all(all.map(one => one.heard()))
  return { words: words.toSorted(), winner: words.indexOf('got') }
}

const oneOf = (count: number): readonly string[] => [
  ...Array.from({ length: count - 1 }, () => 'DAEMON_ALREADY_RUNNING'),
  'got',
]

describe('the lock of the daemon, wanted by many processes', () => {
  it('goes to exactly one of twelve, round after round, when the last holder left', async () => {
    contenders = await startContenders(temp.places.stateDir, { count: 12, waitMs })
    const { all } = contenders
    for (let round = 0; round < 6; round += 1) {
      const { words, winner } = await race(all)
      expect(words).toEqual(oneOf(12))
      expect(lockHolder(temp.places.lockFile)).toBe(all[winner]?.pid)
      all[winner]?.tell()
      expect(await all[winner]?.heard()).toBe('gone')
      expect([existsSync(temp.places.lockFile), lockHolder(temp.places.lockFile)]).toEqual([false, null])
    }
  })

  it('goes to exactly one of those who are left when the last holder was killed', async () => {
    contenders = await startContenders(temp.places.stateDir, { count: 6, waitMs })
    let { all } = contenders
    while (all.length > 1) {
      const { words, winner } = await race(all)
      expect(words).toEqual(oneOf(all.length))
      await all[winner]?.kill()
      all = all.filter((_, index) => index !== winner)
      rmSync(`${temp.places.stateDir}/marker`)
      expect([existsSync(temp.places.lockFile), lockHolder(temp.places.lockFile)]).toEqual([true, null])
    }
  })

  it('is never held by two while each that leaves removes the file under those who wait', async () => {
    contenders = await startContenders(temp.places.stateDir, { count: 8, waitMs: 30_000 })
    for (const one of contenders.all) one.tell()
    // Whoever gets it while another has it fails on the marker file, and says so instead of "got".
    const words = await Promise.all(
      contenders.all.map(async one => {
        const word = await one.heard()
        one.tell()
        return [word, await one.heard()]
      }),
    )
    expect(words).toEqual(contenders.all.map(() => ['got', 'gone']))
    expect(existsSync(temp.places.lockFile)).toBe(false)
  })
})
