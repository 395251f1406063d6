import { chmodSync, lstatSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { fault } from '../support/fault.ts'
import { commandOf, processesOf } from '../support/tandem.ts'
import { openUser } from '../support/user.ts'
import { codeIn, needs, openAttacked, patiently } from '../support/attacked-world.ts'

/* Somebody else on the same machine, whose side is really played: by processes of the user nobody. */

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
