import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { sleep } from '#kernel'
import { fault, repeated } from '../support/fault.ts'
import { openTandemWorld } from '../support/tandem-world.ts'
import { openUser } from '../support/user.ts'
import { echo, openUsedWorld, refusedUntouched, startsAgain, turnsOf } from '../support/used-world.ts'

describe('a migration', () => {
  fault(
    {
      fault: 'the daemon is killed in the first migration',
      injected: `kill -9 of a daemon with an empty state directory after 0 to 400 ms, ${repeated(20)} times, each time in what the last left`,
      expected: 'the next start works',
    },
    async () => {
      await using world = await openTandemWorld(echo)
      const daemon = join(import.meta.dirname, '../../bin/tandem')
      let killedEarly = 0
      for (let round = 0; round < repeated(20); round += 1) {
        const child = spawn(daemon, ['daemon'], { env: world.env, stdio: 'ignore' })
        const ended = once(child, 'exit')
        // The moment is what is random here.
        await sleep(Math.random() * 400)
        child.kill('SIGKILL')
        await ended
        killedEarly += readdirSync(world.places.stateDir).includes('tandem.db') ? 0 : 1
        if (round % 5 === 4) rmSync(world.places.storeFile, { force: true })
      }
      await startsAgain(world)
      expect(await openUser(world).answer('hello')).toMatchObject({ success: true })
      return `started and answered; ${killedEarly} kills came before there was a file`
    },
  )

  fault(
    {
      fault: 'a migration of a database with turns is killed',
      injected: `a later version's migration (240 statements) of a used database, kill -9 at a random moment, ${repeated(40)} times`,
      expected:
        'the database is whole and of the old or the new version; every copy from before it is whole; the daemon starts with the old one, refuses the new one, and starts with the copy that the hint names',
    },
    async () => {
      await using world = await openUsedWorld()
      const { storeFile } = world.places
      copyFileSync(storeFile, `${storeFile}.copy`)
      const versions: number[] = []
      for (let round = 0; round < repeated(40); round += 1) {
        await killedMigration(storeFile, Math.random() * 250)
        versions.push(wholeVersionOf(storeFile))
        for (const copy of copiesOf(storeFile)) expect(wholeVersionOf(copy)).toBe(1)
        if (versions.at(-1) === 1) continue
        for (const end of ['', '-wal', '-shm']) rmSync(`${storeFile}${end}`, { force: true })
        copyFileSync(`${storeFile}.copy`, storeFile)
      }
      await startsAgain(world)
      expect(await turnsOf(world)).toBe(3)
      await world.tandem(['down'])
      await killedMigration(storeFile, undefined)
      expect(wholeVersionOf(storeFile)).toBe(2)
      await refusedUntouched(world, 'STORE_NEWER')
      const copy = copiesOf(storeFile).at(-1)
      if (copy === undefined) throw new Error('there is no copy from before the migration')
      renameSync(copy, storeFile)
      await startsAgain(world)
      expect(await turnsOf(world)).toBe(3)
      const old = versions.filter(version => version === 1).length
      return `${old} times the old version, ${versions.length - old} times the new, always whole; 3 of 3 turns from the copy`
    },
  )
})

async function killedMigration(file: string, afterMs: number | undefined): Promise<void> {
  const program = fileURLToPath(new URL('../support/migrate-store.ts', import.meta.url))
  const child = spawn(process.execPath, [program, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  if (afterMs !== undefined) {
    await sleep(afterMs)
    child.kill('SIGKILL')
  }
  await ended
}

function wholeVersionOf(file: string): number {
  using database = new DatabaseSync(file)
  expect(database.prepare('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
  expect(database.prepare('select count(*) as turns from turns').get()).toEqual({ turns: 3 })
  return Number(database.prepare('select max(version) as version from migrations').get()?.['version'])
}

const copiesOf = (file: string): readonly string[] =>
  readdirSync(dirname(file))
    .filter(name => name.includes('.before-v') && !name.includes('.partial'))
    .toSorted()
    .map(name => join(dirname(file), name))
