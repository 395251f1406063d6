import { once } from 'node:events'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { isAlive } from '#client'
import { rule, say } from '#scripted-model'
import { untilServing } from '../support/daemon-process.ts'
import { fault } from '../support/fault.ts'
import { needsProgram, needsRoot } from '../support/needs.ts'
import { openSecondUser } from '../support/second-user.ts'
import { commandOf, endProcessesOf, processesOf } from '../support/tandem.ts'
import { openTandemWorld } from '../support/tandem-world.ts'
import { openUser } from '../support/user.ts'
import type { SecondUser } from '../support/second-user.ts'
import type { Output, TandemWorld } from '../support/tandem-world.ts'

/* Somebody else on the same machine, whose side is really played: by processes of the user nobody. */

const echo = [rule('echo', {}, [say('you said {{lastText}}')])]
const needs = [needsRoot, needsProgram('setpriv', ['--reuid', '65534', '--clear-groups', 'true'])]
const patiently = { timeout: 20_000, interval: 50 }
const codeIn = ({ err }: Output): string => /\b(?!TANDEM_)[A-Z]+_[A-Z_]+\b/.exec(err)?.[0] ?? `no code in: ${err}`

async function openAttacked(): Promise<{ readonly world: TandemWorld; readonly other: SecondUser }> {
  const world = await openTandemWorld(echo)
  return { world, other: openSecondUser(world) }
}

/** Each path with the error that each way to open it has, or what it gave away. */
const tries = `
import { constants, openSync, readdirSync, readlinkSync } from 'node:fs'
const outcome = work => { try { return 'OPEN ' + String(work()).slice(0, 40) } catch (error) { return error.code } }
const all = process.argv.slice(1).flatMap(path => [
  outcome(() => openSync(path, constants.O_RDONLY)), outcome(() => openSync(path, constants.O_WRONLY)), outcome(() => readdirSync(path)),
])
process.stdout.write(JSON.stringify(all))`

/** A daemon of theirs: greets whoever comes, and prints what it is told. */
const falseDaemon = `
import { createServer } from 'node:net'
import { chmodSync, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
const [path, mode] = process.argv.slice(1)
mkdirSync(dirname(path), { recursive: true })
chmodSync(dirname(path), parseInt(mode, 8))
createServer(socket => socket.on('error', () => {}).on('data', data => {
  process.stdout.write('HEARD ' + data)
  const id = JSON.parse(String(data).split('\\n')[0]).id
  socket.write(JSON.stringify({ jsonrpc: '2.0', id, result: { protocol: 1, version: '99.0.0', pid: process.pid, node_id: 'node_x', running: 0, can_upgrade: false } }) + '\\n')
})).listen(path, () => { chmodSync(path, 0o666); process.stdout.write('READY\\n') })`

describe('a second user on the machine', () => {
  fault(
    {
      fault: 'connect: to the socket, and to HTTP',
      injected: 'nobody connects to the socket, and asks the HTTP door without and with a guessed token',
      expected: 'EACCES at the socket; 401 at every route that says or does anything',
      needs,
    },
    async () => {
      const { world, other } = await openAttacked()
      await using _world = world
      await openUser(world).answer('hello')
      const connect = `import { createConnection } from 'node:net'
        createConnection(process.argv[1]).on('connect', () => process.stdout.write('CONNECTED')).on('error', error => process.stdout.write(error.code))`
      const socket = other.run(connect, [world.places.socketPath]).out
      expect(socket).toBe('EACCES')
      // Even when somebody opened the directory by mistake, the socket is closed to others.
      chmodSync(world.places.runtimeDir, 0o755)
      expect(other.run(connect, [world.places.socketPath]).out).toBe('EACCES')
      chmodSync(world.places.runtimeDir, 0o700)
      const { url } = JSON.parse(readFileSync(world.places.httpFile, 'utf8')) as { readonly url: string }
      const fetches = `const [url, ...paths] = process.argv.slice(1)
        const seen = []
        for (const path of paths) for (const headers of [{}, { authorization: 'Bearer guess' }, { authorization: 'Bearer ' }])
          seen.push((await fetch(url + path, { headers, method: path === '/mcp' ? 'POST' : 'GET' })).status)
        process.stdout.write(JSON.stringify(seen))`
      const statuses = JSON.parse(
        other.run(fetches, [url, '/turns', '/status', '/threads', '/events', '/mcp']).out,
      ) as number[]
      expect(statuses.filter(status => status !== 401 && status !== 404)).toEqual([])
      return `socket ${socket}, also in an opened directory; HTTP ${[...new Set(statuses)].join(', ')} for ${statuses.length} requests`
    },
  )

  fault(
    {
      fault: 'read: store, log, tokens, environment',
      injected: 'nobody opens every file of ours for reading and for writing, and the processes in /proc',
      expected: 'EACCES everywhere; every file is 0600 besides; no token and no prompt on any command line',
      needs,
    },
    async () => {
      const { world, other } = await openAttacked()
      await using _world = world
      await openUser(world).answer('the secret prompt')
      const { stateDir, runtimeDir } = world.places
      const files = [stateDir, runtimeDir].flatMap(dir =>
        readdirSync(dir, { recursive: true, encoding: 'utf8' }).map(name => join(dir, name)),
      )
      const loose = files.filter(path => (lstatSync(path).mode & 0o077) !== 0 && !lstatSync(path).isSymbolicLink())
      expect(loose).toEqual([])
      const token = readFileSync(world.places.httpTokenFile, 'utf8').trim()
      const processes = processesOf(world.folder)
      const environments = processes.map(pid => `/proc/${pid}/environ`)
      const outcomes = JSON.parse(other.run(tries, [stateDir, runtimeDir, ...files, ...environments]).out) as string[]
      expect(outcomes.filter(outcome => outcome.startsWith('OPEN'))).toEqual([])
      const commands = processes.map(commandOf).join('\n')
      expect([commands.includes(token), commands.includes('secret prompt')]).toEqual([false, false])
      return `${files.length} files and ${processes.length} processes: ${[...new Set(outcomes)].join(', ')}`
    },
  )

  fault(
    {
      fault: 'squat: socket and directory made before us',
      injected:
        'where our runtime directory will be, in a directory that everybody may write (sticky, like /tmp), nobody runs a false daemon that greets',
      expected:
        'every command refuses with a code and the cure, and not one byte reaches the false daemon; ours does not start there',
      needs,
    },
    async () => {
      const { world, other } = await openAttacked()
      await using _world = world
      chmodSync(other.home, 0o1777)
      const runtimeDir = join(other.home, 'run')
      const squatter = other.start(falseDaemon, [join(runtimeDir, 'daemon.sock'), '700'])
      try {
        let heard = ''
        squatter.stdout?.on('data', (data: Buffer) => void (heard += data.toString()))
        await expect.poll(() => heard, patiently).toContain('READY')
        const env = { TANDEM_RUNTIME_DIR: runtimeDir }
        const commands = [['status'], ['up'], ['ask', 'the secret prompt'], ['down'], ['daemon']]
        const codes: string[] = []
        for (const args of commands) {
          const output = await world.tandem(args, { env })
          expect(output.code).not.toBe(0)
          codes.push(codeIn(output))
        }
        chmodSync(runtimeDir, 0o755)
        codes.push(codeIn(await world.tandem(['ask', 'the secret prompt'], { env })))
        expect(heard).toBe('READY\n')
        expect(
          [...new Set(codes)].filter(code => code !== 'DAEMON_UNSAFE_SOCKET' && code !== 'DIRECTORY_UNSAFE'),
        ).toEqual([])
        return `${codes.length} commands: ${[...new Set(codes)].join(', ')}; the false daemon heard nothing`
      } finally {
        squatter.kill('SIGKILL')
      }
    },
  )

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

  fault(
    {
      fault: 'socket replaced: ours renamed away, theirs in its place',
      injected:
        'our runtime directory lies in one that everybody may change (0777, not sticky): nobody renames ours and puts a false daemon in its place, under a running daemon',
      expected:
        'every command refuses with a code and nothing reaches the false daemon; when it is gone, the same daemon is back within 5 s',
      needs,
    },
    async () => {
      const { world, other } = await openAttacked()
      await using _world = world
      const runtimeDir = join(other.home, 'run')
      const env = { TANDEM_RUNTIME_DIR: runtimeDir }
      expect(await world.tandem(['up'], { env })).toMatchObject({ code: 0 })
      const pid = (JSON.parse(readFileSync(world.places.addressFile, 'utf8')) as { readonly pid: number }).pid
      other.run(`import { renameSync } from 'node:fs'; renameSync(process.argv[1], process.argv[1] + '.old')`, [
        runtimeDir,
      ])
      const squatter = other.start(falseDaemon, [join(runtimeDir, 'daemon.sock'), '755'])
      try {
        let heard = ''
        squatter.stdout?.on('data', (data: Buffer) => void (heard += data.toString()))
        await expect.poll(() => heard, patiently).toContain('READY')
        const codes: string[] = []
        for (const args of [['status'], ['ask', 'the secret prompt'], ['up']])
          codes.push(codeIn(await world.tandem(args, { env })))
        await expect.poll(() => readFileSync(world.places.logFile, 'utf8'), patiently).toContain('cannot be put back')
        expect(heard).toBe('READY\n')
        squatter.kill('SIGKILL')
        renameSync(runtimeDir, `${runtimeDir}.theirs`)
        const began = performance.now()
        await expect.poll(async () => (await world.tandem(['status'], { env })).code, patiently).toBe(0)
        const backAfter = performance.now() - began
        expect((JSON.parse(readFileSync(world.places.addressFile, 'utf8')) as { readonly pid: number }).pid).toBe(pid)
        return `${[...new Set(codes)].join(', ')}; nothing heard; the same daemon was back after ${(backAfter / 1000).toFixed(1)} s`
      } finally {
        squatter.kill('SIGKILL')
        await world.tandem(['down'], { env })
      }
    },
  )
})
