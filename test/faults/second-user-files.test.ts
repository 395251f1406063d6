import { once } from 'node:events'
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { isAlive } from '#client'
import { untilServing } from '../support/daemon-process.ts'
import { fault } from '../support/fault.ts'
import { endProcessesOf, processesOf } from '../support/tandem.ts'
import { openTandemWorld } from '../support/tandem-world.ts'
import { openUser } from '../support/user.ts'
import { codeIn, echo, needs, openAttacked, patiently } from '../support/attacked-world.ts'

/* Somebody else on the same machine, whose side is really played: by processes of the user nobody. */

describe('a second user and the files of the daemon', () => {
  fault(
    {
      fault: 'link: a symbolic link in our place',
      injected:
        'nobody puts a link to a directory of ours, and one to a directory of theirs, where our runtime and state directory will be',
      expected: 'refused with a code; nothing is made, changed or removed behind the link',
      needs,
    },
    async () => {
      const { world, other } = await openAttacked()
      await using _world = world
      chmodSync(other.home, 0o1777)
      const precious = join(world.folder, 'precious')
      mkdirSync(precious, { mode: 0o700 })
      writeFileSync(join(precious, 'daemon.sock'), 'mine')
      const codes: string[] = []
      for (const [index, target] of [precious, join(other.home, 'theirs')].entries()) {
        const link = join(other.home, `link${index}`)
        other.run(
          `import { mkdirSync, symlinkSync } from 'node:fs'; try { mkdirSync(process.argv[1]) } catch {}; symlinkSync(process.argv[1], process.argv[2])`,
          [target, link],
        )
        expect(lstatSync(link).uid).toBe(other.uid)
        for (const variable of ['TANDEM_RUNTIME_DIR', 'TANDEM_STATE_DIR'])
          for (const args of [['up'], ['status'], ['ask', 'secret']]) {
            const output = await world.tandem(args, { env: { [variable]: link } })
            expect(output.code).not.toBe(0)
            codes.push(codeIn(output))
          }
      }
      expect(readdirSync(precious)).toEqual(['daemon.sock'])
      expect(readFileSync(join(precious, 'daemon.sock'), 'utf8')).toBe('mine')
      expect(readdirSync(join(other.home, 'theirs'))).toEqual([])
      return `${codes.length} commands: ${[...new Set(codes)].join(', ')}; nothing changed behind the links`
    },
  )

  fault(
    {
      fault: 'log redirect: the log is a link to another file',
      injected:
        'daemon.log is a link to a file of the user, before the start and while the daemon runs (rotation included)',
      expected: 'not one byte of that file changes; the daemon serves, or refuses with a code',
      needs,
    },
    async () => {
      await using world = await openTandemWorld(echo, { log: { level: 'debug', max_bytes: 10_000 } })
      const precious = join(world.folder, 'precious')
      writeFileSync(precious, 'mine')
      const { logFile } = world.places
      symlinkSync(precious, logFile)
      const first = await world.tandem(['up'])
      const atStart = first.code === 0 ? 'served' : `${codeIn(first)}, exit ${first.code}`
      await world.tandem(['down'])
      rmSync(logFile, { force: true })
      expect(await world.tandem(['up'])).toMatchObject({ code: 0 })
      rmSync(logFile, { force: true })
      symlinkSync(precious, logFile)
      const user = openUser(world)
      for (let index = 0; index < 20; index += 1)
        expect(await user.answer(`hello ${index}`)).toMatchObject({ success: true })
      // The supervisor opens the log again for each daemon that it starts.
      process.kill((await user.call('status', {})).pid, 'SIGKILL')
      await untilServing(world)
      expect(await user.answer('once more')).toMatchObject({ success: true })
      expect(readFileSync(precious, 'utf8')).toBe('mine')
      return `at the start: ${atStart}; while it ran: served 21 turns and a restart; the other file is as it was`
    },
  )

  fault(
    {
      fault: 'pid reuse: our files name a foreign process',
      injected:
        'after kill -9 of daemon and supervisor, pid and address file name a process of nobody and one of ours; tandem down, restart, up',
      expected: 'neither of them gets a signal; down says that nothing runs; the next start works',
      needs,
    },
    async () => {
      const { world, other } = await openAttacked()
      await using _world = world
      await world.tandem(['up'])
      const address = JSON.parse(readFileSync(world.places.addressFile, 'utf8')) as object
      endProcessesOf(world.folder)
      await expect.poll(() => processesOf(world.folder), patiently).toEqual([])
      const sleeps = `process.stdout.write('READY'); setInterval(() => {}, 1000)`
      const theirs = other.start(sleeps)
      const victims = [theirs.pid ?? 0, process.pid]
      try {
        await once(theirs.stdout ?? theirs, 'data')
        for (const pid of victims) {
          writeFileSync(world.places.addressFile, JSON.stringify({ ...address, pid, supervisor_pid: pid }))
          writeFileSync(world.places.pidFile, `${pid}\n`)
          expect(await world.tandem(['down'])).toMatchObject({
            code: 0,
            out: expect.stringContaining('no daemon is running'),
          })
          expect(victims.map(isAlive)).toEqual([true, true])
        }
        expect(await world.tandem(['up'])).toMatchObject({ code: 0 })
        expect(await openUser(world).answer('hello')).toMatchObject({ success: true })
        expect(victims.map(isAlive)).toEqual([true, true])
        return 'both live; "no daemon is running"; the next start worked'
      } finally {
        theirs.kill('SIGKILL')
      }
    },
  )

  fault(
    {
      fault: 'lock held: somebody else wants our lock',
      injected:
        'nobody opens the lock file to lock it, running or left behind; then a process of ours holds it and is no daemon',
      expected:
        'EACCES for nobody, and our start is not hindered; with the lock really held: a coded error with the cure, and down ends nobody',
      needs,
    },
    async () => {
      const { world, other } = await openAttacked()
      await using _world = world
      await world.tandem(['up'])
      const locks = `import { DatabaseSync } from 'node:sqlite'
        try { new DatabaseSync(process.argv[1]).exec('begin exclusive'); process.stdout.write('LOCKED') } catch (error) { process.stdout.write(error.message) }`
      const running = other.run(locks, [world.places.lockFile]).out
      expect(running).toMatch(/unable to open/)
      endProcessesOf(world.folder)
      await expect.poll(() => processesOf(world.folder), patiently).toEqual([])
      expect(other.run(locks, [world.places.lockFile]).out).toMatch(/unable to open/)
      expect(await world.tandem(['up'])).toMatchObject({ code: 0 })
      expect(await world.tandem(['down'])).toMatchObject({ code: 0 })
      const { startContenders } = await import('../support/lock-contenders.ts')
      await using contenders = await startContenders(world.places.stateDir, { count: 1, waitMs: 0, as: 'stranger' })
      const [holder] = contenders.all
      holder?.tell()
      expect(await holder?.heard()).toBe('got')
      const up = await world.tandem(['up'])
      const down = await world.tandem(['down'])
      expect([up.code === 0, down.code === 0]).toEqual([false, false])
      expect(isAlive(holder?.pid ?? 0)).toBe(true)
      holder?.tell()
      expect(await holder?.heard()).toBe('gone')
      expect(await world.tandem(['up'])).toMatchObject({ code: 0 })
      return `nobody: ${running}; held by a process of ours: up ${codeIn(up)}, down ${codeIn(down)}; free again: started`
    },
  )
})
