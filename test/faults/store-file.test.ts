import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  closeSync,
  copyFileSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { sleep } from '#kernel'
import { rule, say } from '#scripted-model'
import { fault, repeated } from '../support/fault.ts'
import { openTandemWorld } from '../support/tandem-world.ts'
import { processesOf } from '../support/tandem.ts'
import { openUser } from '../support/user.ts'
import type { Output, TandemWorld } from '../support/tandem-world.ts'

const echo = [rule('echo', {}, [say('you said {{lastText}}')])]
const patiently = { timeout: 20_000, interval: 50 }
const digestOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')
const codeIn = ({ err }: Output): string => /\bSTORE_[A-Z_]+\b/.exec(err)?.[0] ?? `no code in: ${err}`

/** A world whose database has some turns, and whose daemon is down. */
async function openUsedWorld(): Promise<TandemWorld> {
  const world = await openTandemWorld(echo)
  const user = openUser(world)
  for (const prompt of ['one', 'two', 'three']) await user.answer(prompt)
  expect(await world.tandem(['down'])).toMatchObject({ code: 0 })
  return world
}

/** The start fails with this code and leaves the file as it is, and nothing that runs. */
async function refusedUntouched(world: TandemWorld, code: string): Promise<Output> {
  const before = digestOf(world.places.storeFile)
  const refused = await world.tandem(['up'])
  expect([refused.code === 0, codeIn(refused)]).toEqual([false, code])
  expect(digestOf(world.places.storeFile)).toBe(before)
  await expect.poll(() => processesOf(world.folder), patiently).toEqual([])
  return refused
}

async function turnsOf(world: TandemWorld): Promise<number> {
  return (await openUser(world).call('turns', {})).turns.length
}

const startsAgain = async (world: TandemWorld): Promise<void> =>
  expect(await world.tandem(['up'])).toMatchObject({ code: 0 })

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
