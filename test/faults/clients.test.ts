import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { createClient } from '#client'
import { sleep, systemClock } from '#kernel'
import { rule, say } from '#scripted-model'
import { memoryOf } from '../support/daemon-process.ts'
import { fault } from '../support/fault.ts'
import { needsProc, needsProgram } from '../support/needs.ts'
import { connectRaw } from '../support/raw-client.ts'
import { caller, openTandemWorld } from '../support/tandem-world.ts'
import { openUser, seconds } from '../support/user.ts'
import type { Socket } from 'node:net'
import type { TandemWorld } from '../support/tandem-world.ts'

const patiently = { timeout: 30_000, interval: 50 }
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`
const echo = rule('echo', {}, [say('you said {{lastText}}')])

/** Answers quickly, measured on a connection of its own. */
async function slowestStatus(world: TandemWorld, rounds = 10): Promise<number> {
  const user = openUser(world)
  let slowest = 0
  for (let round = 0; round < rounds; round += 1) {
    const began = performance.now()
    await user.call('status', {})
    slowest = Math.max(slowest, performance.now() - began)
  }
  return slowest
}

describe('clients', () => {
  fault(
    {
      fault: 'SIGTERM while 100 clients wait',
      injected: '100 connections wait for one long turn; SIGTERM to the supervisor; stop_grace_ms = 1000',
      expected:
        'each gets an answer or a coded error at once; the daemon is gone in its grace; the turn goes on after the next start',
    },
    async () => {
      await using world = await openTandemWorld(
        [
          rule('go on', { lastText: 'cut off by a crash' }, [say('and the end')]),
          rule('long', { lastText: 'long' }, [{ text: 'the beginning ', chunks: 2 }, { gate: 'held' }]),
        ],
        { turns: { stop_grace_ms: 1000 } },
      )
      const { turn_id } = await openUser(world).ask('long')
      await world.model.waitForRequest(request => request.rule === 'long', { timeoutMs: 30_000 })
      const status = await openUser(world).call('status', {})
      // Without the means to start another daemon: what this one says is what they get.
      const identity = { name: 'test', version: '0.0.0' }
      const clients = Array.from({ length: 100 }, () =>
        createClient({ places: world.places, clock: systemClock, identity }),
      )
      try {
        await Promise.all(clients.map(client => client.connect()))
        const outcomes = Promise.all(
          clients.map(client =>
            client.call('wait', { turn_id, wait_ms: 60_000 }, { caller }).then(
              answer => answer.status,
              (error: unknown) => (error as { readonly code?: string }).code ?? String(error),
            ),
          ),
        )
        await expect
          .poll(async () => (await openUser(world).call('status', {})).clients, patiently)
          .toBeGreaterThan(100)
        const began = performance.now()
        process.kill(status.pid, 'SIGTERM')
        const words = await outcomes
        const toldAfter = performance.now() - began
        await expect.poll(() => existsProcess(status.pid), patiently).toBe(false)
        const goneAfter = performance.now() - began
        const kinds = Object.entries(Object.groupBy(words, word => word)).map(([word, all]) => `${all?.length} ${word}`)
        expect(words.filter(word => word !== 'DAEMON_STOPPING' && word !== 'running')).toEqual([])
        expect(goneAfter).toBeLessThan(15_000)
        const answer = await openUser(world).wait(turn_id)
        expect(answer).toMatchObject({ success: true, agent_messages: expect.stringContaining('and the end') })
        return `${kinds.join(', ')} after ${seconds(toldAfter)}; gone after ${seconds(goneAfter)}; the turn completed in the next life`
      } finally {
        for (const client of clients) await client[Symbol.asyncDispose]()
      }
    },
  )

  fault(
    {
      fault: 'the limit of descriptors is reached',
      injected: 'prlimit --nofile to 20 above what the running daemon has open, then 60 connections',
      expected:
        'it lives and uses no processor while it is full; who is connected is served; after the others left everybody is',
      needs: [needsProc, needsProgram('prlimit')],
    },
    async () => {
      await using world = await openTandemWorld([echo])
      await world.tandem(['up'])
      const early = openUser(world)
      await early.answer('first')
      const { pid } = await early.call('status', {})
      const open = descriptorsOf(pid)
      execFileSync('prlimit', ['--pid', String(pid), `--nofile=${open + 20}:${open + 20}`])
      const crowd = await Promise.all(Array.from({ length: 60 }, () => connectRaw(world.places.socketPath)))
      // Those that are let in stay: who does not greet is sent away after a while.
      for (const raw of crowd) raw.hello().catch(() => undefined)
      await expect.poll(() => descriptorsOf(pid), patiently).toBeGreaterThanOrEqual(open + 14)
      const before = processorMs(pid)
      const began = performance.now()
      expect(await early.call('status', {})).toMatchObject({ pid })
      const asked = await early.answer('while it is full').then(
        answer => answer.error?.code ?? answer.status,
        (error: unknown) => (error as { readonly code: string }).code,
      )
      await sleep(1000)
      const busy = (processorMs(pid) - before) / (performance.now() - began)
      for (const raw of crowd) raw[Symbol.dispose]()
      const late = openUser(world)
      expect(await late.answer('after')).toMatchObject({ agent_messages: 'you said after' })
      expect(await late.call('status', {})).toMatchObject({ pid })
      expect(busy).toBeLessThan(0.8)
      return `the same daemon served before, meanwhile (a prompt: ${asked}) and after; ${(busy * 100).toFixed(0)} % of a processor while full`
    },
  )

  fault(
    {
      fault: 'a client that never reads',
      injected: 'a connection that asks for 4,000 answers of 60 kB and takes not one byte of them',
      expected: 'it is cut; memory stays bounded; others are served quickly meanwhile',
    },
    async () => {
      await using world = await openTandemWorld([rule('long', {}, [say('x'.repeat(60_000))])])
      const user = openUser(world)
      const { turn_id } = await user.answer('long')
      const { pid } = await user.call('status', {})
      const before = memoryOf(pid)
      const raw = await connectRaw(world.places.socketPath)
      await raw.hello()
      raw.socket.pause()
      const isClosed = new Promise(resolve => raw.socket.once('close', resolve))
      let highest = 0
      // In rounds below what one client may have open.
      for (let id = 0; id < 4000 && !raw.socket.destroyed; id += 1) {
        raw.send({ jsonrpc: '2.0', id, method: 'wait', params: { caller, input: { turn_id } } })
        if (id % 100 !== 99) continue
        highest = Math.max(highest, memoryOf(pid))
        await user.call('status', {})
      }
      const slowest = await slowestStatus(world)
      raw.socket.resume()
      await isClosed
      expect(highest - before).toBeLessThan(300e6)
      expect(slowest).toBeLessThan(1000)
      expect(await user.call('status', {})).toMatchObject({ pid })
      expect((await world.tandem(['logs', '-n', '500'])).out).toContain('a client does not read')
      return `cut; memory rose by ${megabytes(highest - before)} at most; slowest status of others ${slowest.toFixed(0)} ms`
    },
  )
})

describe('frames', () => {
  fault(
    {
      fault: 'half a frame, and then nothing',
      injected: '200 connections that send half a line of JSON and stay; then 50 that end after it',
      expected:
        'those that stay are ended after 10 s with SOCKET_HELLO_TIMEOUT, the others told SOCKET_FRAME_MALFORMED; others are served',
    },
    async () => {
      await using world = await openTandemWorld([echo])
      await world.tandem(['up'])
      const half = '{"jsonrpc":"2.0","id":1,"method":"hel'
      const staying = await Promise.all(Array.from({ length: 200 }, () => connectRaw(world.places.socketPath)))
      for (const raw of staying) raw.write(half)
      const began = performance.now()
      const slowest = await slowestStatus(world)
      const ending = await Promise.all(Array.from({ length: 50 }, () => connectRaw(world.places.socketPath)))
      for (const raw of ending) raw.socket.end(half)
      const endings = await Promise.all(ending.map(raw => raw.rest()))
      expect(endings).toEqual(
        endings.map(() => [
          expect.objectContaining({
            error: expect.objectContaining({ data: expect.objectContaining({ code: 'SOCKET_FRAME_MALFORMED' }) }),
          }),
        ]),
      )
      const told = await Promise.all(staying.map(raw => raw.rest()))
      const after = performance.now() - began
      expect(told).toEqual(
        told.map(() => [
          expect.objectContaining({
            error: expect.objectContaining({ data: expect.objectContaining({ code: 'SOCKET_HELLO_TIMEOUT' }) }),
          }),
        ]),
      )
      expect(await openUser(world).answer('hello')).toMatchObject({ success: true })
      for (const raw of [...staying, ...ending]) raw[Symbol.dispose]()
      return `200 SOCKET_HELLO_TIMEOUT after ${seconds(after)}, 50 SOCKET_FRAME_MALFORMED; slowest status meanwhile ${slowest.toFixed(0)} ms`
    },
  )

  fault(
    {
      fault: 'a frame of 300 MB',
      injected: 'a greeted connection sends 300 MB without a newline, as fast as it can',
      expected:
        'SOCKET_FRAME_TOO_LARGE after max_frame_bytes (8 MiB) and the connection ends; memory stays bounded; others are served',
    },
    async () => {
      await using world = await openTandemWorld([echo])
      await world.tandem(['up'])
      const { pid } = await openUser(world).call('status', {})
      const before = memoryOf(pid)
      const raw = await connectRaw(world.places.socketPath)
      await raw.hello()
      const chunk = Buffer.alloc(1_000_000, 'x')
      let sent = 0
      for (; sent < 300 && !raw.socket.destroyed; sent += 1)
        if (!raw.socket.write(chunk)) await drainedOrClosed(raw.socket)
      const [answer] = await raw.rest()
      expect(answer).toMatchObject({ error: { data: { code: 'SOCKET_FRAME_TOO_LARGE' } } })
      const grown = memoryOf(pid) - before
      expect(grown).toBeLessThan(200e6)
      expect(await openUser(world).answer('hello')).toMatchObject({ success: true })
      expect(await openUser(world).call('status', {})).toMatchObject({ pid })
      raw[Symbol.dispose]()
      return `SOCKET_FRAME_TOO_LARGE, cut after it had taken ${sent} MB; memory rose by ${megabytes(Math.max(0, grown))}`
    },
  )

  fault(
    {
      fault: 'binary noise',
      injected: '200 connections send 64 kB of random bytes each',
      expected: 'every answer is a coded error, every connection ends; the daemon lives and serves',
    },
    async () => {
      await using world = await openTandemWorld([echo])
      await world.tandem(['up'])
      const { pid } = await openUser(world).call('status', {})
      const codes = new Map<string, number>()
      for (let round = 0; round < 10; round += 1) {
        const raws = await Promise.all(Array.from({ length: 20 }, () => connectRaw(world.places.socketPath)))
        for (const raw of raws) raw.socket.end(randomBytes(65_536))
        for (const answers of await Promise.all(raws.map(raw => raw.rest())))
          for (const answer of answers) {
            const { code } = (answer as { readonly error: { readonly data: { readonly code: string } } }).error.data
            codes.set(code, (codes.get(code) ?? 0) + 1)
          }
      }
      // A line that happens to be JSON, such as a digit, is no frame either.
      expect([...codes.keys()].filter(code => !/^SOCKET_FRAME_(?:MALFORMED|WRONG)$/.test(code))).toEqual([])
      expect(await openUser(world).answer('hello')).toMatchObject({ success: true })
      expect(await openUser(world).call('status', {})).toMatchObject({ pid })
      return `${codes.get('SOCKET_FRAME_MALFORMED')} lines refused as SOCKET_FRAME_MALFORMED, all connections ended`
    },
  )
})

/** Neither of them may fail: a connection that is cut is what is tested. */
function drainedOrClosed(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    const done = (): void => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.once('drain', done).once('close', done)
  })
}

function existsProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const descriptorsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length

/** Of one process, in user and system mode (proc_pid_stat(5), with 100 ticks a second). */
function processorMs(pid: number): number {
  const stat = execFileSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8' })
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}
