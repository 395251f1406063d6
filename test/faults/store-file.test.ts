import { closeSync, copyFileSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect } from 'vitest'
import { rule } from '#scripted-model'
import { fault, repeated } from '../support/fault.ts'
import { openTandemWorld } from '../support/tandem-world.ts'
import { processesOf } from '../support/tandem.ts'
import { openUser } from '../support/user.ts'
import type { TandemWorld } from '../support/tandem-world.ts'
import {
  codeIn,
  echo,
  openUsedWorld,
  patiently,
  refusedUntouched,
  startsAgain,
  turnsOf,
} from '../support/used-world.ts'

describe('the database', () => {
  fault(
    {
      fault: 'it is locked by another process at the start',
      injected: 'another program has an exclusive transaction open on tandem.db',
      expected: 'STORE_LOCKED and its cure; starts when the other has ended, with all turns',
    },
    async () => {
      await using world = await openUsedWorld()
      using other = new DatabaseSync(world.places.storeFile)
      other.exec('begin exclusive')
      const refused = await world.tandem(['up'])
      expect(codeIn(refused)).toBe('STORE_LOCKED')
      await expect.poll(() => processesOf(world.folder), patiently).toEqual([])
      other.exec('rollback')
      await startsAgain(world)
      expect(await turnsOf(world)).toBe(3)
      return `STORE_LOCKED, exit ${refused.code}; then 3 of 3 turns`
    },
  )

  fault(
    {
      fault: 'it is locked by another process while it runs',
      injected:
        'another program begins a write and holds it until the daemon has refused a prompt; a turn runs meanwhile',
      expected:
        'the prompt is refused with STORE_LOCKED, nothing of it is kept; reads go on; the running turn loses nothing; works again after',
    },
    async () => {
      const text = Array.from({ length: 100 }, (_, index) => `word ${index}`).join(' ')
      const talking = rule('talk', { lastText: 'talk' }, [{ text, chunks: 100, chunkDelayMs: 40 }])
      await using world = await openTandemWorld([talking, ...echo])
      const user = openUser(world)
      const talk = await user.ask('talk')
      await world.model.waitForRequest(request => request.rule === 'talk', { timeoutMs: 30_000 })
      using other = new DatabaseSync(world.places.storeFile, { timeout: 5000 })
      other.exec('begin immediate')
      const asked = user.answer('hello').then(
        answer => answer.error?.code ?? answer.status,
        (error: unknown) => (error as { readonly code: string }).code,
      )
      expect(await turnsOf(world)).toBe(1)
      const code = await asked
      expect(code).toMatch(/^STORE_(?:LOCKED|BUSY)$/)
      other.exec('rollback')
      const answer = await user.wait(talk.turn_id)
      expect([answer.success, answer.agent_messages, answer.error]).toEqual([true, text, null])
      expect(await user.answer('hello')).toMatchObject({ success: true })
      expect(await turnsOf(world)).toBe(2)
      return `${code}; the running turn kept all of its text; the next prompt was answered`
    },
  )

  fault(
    {
      fault: 'its header is garbage',
      injected: 'the first 100 bytes of tandem.db are overwritten',
      expected: 'STORE_CORRUPT; not one byte of the file changes; starts with a copy in its place',
    },
    async () => {
      await using world = await openUsedWorld()
      const { storeFile } = world.places
      copyFileSync(storeFile, `${storeFile}.copy`)
      overwrite(storeFile, 0, 100)
      const refused = await refusedUntouched(world, 'STORE_CORRUPT')
      expect(refused.err).toContain(`${storeFile}.damaged`)
      renameSync(`${storeFile}.copy`, storeFile)
      await startsAgain(world)
      expect(await turnsOf(world)).toBe(3)
      return `STORE_CORRUPT, exit ${refused.code}, the file is as it was; with the copy 3 of 3 turns`
    },
  )

  fault(
    {
      fault: 'one of its pages is garbage',
      injected: 'every page but the first is overwritten, one after the other, each in a copy of its own',
      expected:
        'either it starts and serves what it can, with a coded error for the rest, or STORE_CORRUPT; never a crash or a loop of them',
      timeoutMs: 300_000,
    },
    async () => {
      await using world = await openUsedWorld()
      const { storeFile } = world.places
      copyFileSync(storeFile, `${storeFile}.copy`)
      const pages = Math.floor(statSync(storeFile).size / 4096)
      const step = Math.ceil((pages - 1) / repeated(30))
      const seen: string[] = []
      for (let page = 1; page < pages; page += step) {
        copyFileSync(`${storeFile}.copy`, storeFile)
        overwrite(storeFile, page * 4096, 4096)
        seen.push(await playWithDamage(world))
        expect(await world.tandem(['down'])).toMatchObject({ code: 0 })
        for (const end of ['-wal', '-shm']) rmSync(`${storeFile}${end}`, { force: true })
      }
      renameSync(`${storeFile}.copy`, storeFile)
      await startsAgain(world)
      expect(await turnsOf(world)).toBe(3)
      expect(readFileSync(world.places.logFile, 'utf8')).not.toContain('daemon died of a fault')
      const kinds = Object.entries(Object.groupBy(seen, each => each))
      return kinds.map(([kind, all]) => `${all?.length} x ${kind}`).join('; ')
    },
  )

  fault(
    {
      fault: 'it is of a newer version',
      injected: 'a migration 99 is noted in it',
      expected: 'STORE_NEWER; not one byte of the file changes',
    },
    async () => {
      await using world = await openUsedWorld()
      {
        using database = new DatabaseSync(world.places.storeFile)
        database.exec("insert into migrations values (99, 'from the future', 0)")
      }
      const refused = await refusedUntouched(world, 'STORE_NEWER')
      return `STORE_NEWER, exit ${refused.code}, the file is as it was`
    },
  )
})

function overwrite(file: string, at: number, bytes: number): void {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, Buffer.alloc(bytes, 0xa5), 0, bytes, at)
  closeSync(descriptor)
}

/** What a person meets with such a file. */
async function playWithDamage(world: TandemWorld): Promise<string> {
  const up = await world.tandem(['up'])
  if (up.code !== 0) {
    expect(codeIn(up)).toBe('STORE_CORRUPT')
    await expect.poll(() => processesOf(world.folder), patiently).toEqual([])
    return 'not started, STORE_CORRUPT'
  }
  const user = openUser(world)
  const codes = new Set<string>()
  const note = (error: unknown): undefined => {
    codes.add(String((error as { readonly code: unknown }).code))
    return undefined
  }
  const { pid } = await user.call('status', {}).catch((error: unknown) => {
    note(error)
    return { pid: 0 }
  })
  await user.call('turns', {}).catch(note)
  await user.call('threads', {}).catch(note)
  await user.call('events', {}).catch(note)
  const answer = await user.answer('hello', { wait_ms: 5000 }).catch(note)
  if (answer?.error) codes.add(answer.error.code)
  const after = await user.call('status', {}).catch(() => ({ pid }))
  expect(after.pid).toBe(pid)
  expect([...codes].filter(code => !code.startsWith('STORE_'))).toEqual([])
  return codes.size === 0
    ? 'served, nothing of it was needed'
    : `served, ${[...codes].toSorted().join(' and ')} for what was hit`
}
