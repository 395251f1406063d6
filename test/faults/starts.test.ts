import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { describe, expect } from 'vitest'
import { isAlive, lockHolder } from '#client'
import { servingPid, spawnDaemon, untilServing } from '../support/daemon-process.ts'
import { fault, repeated } from '../support/fault.ts'
import { needsProc } from '../support/needs.ts'
import { commandOf, processesOf } from '../support/tandem.ts'
import { openTandemWorld } from '../support/tandem-world.ts'
import type { TandemWorld } from '../support/tandem-world.ts'

const rounds = repeated(100)
const many = 12
const patiently = { timeout: 60_000, interval: 20 }

describe('starts', () => {
  fault(
    {
      fault: `${many} daemons started at once, ${rounds} rounds`,
      injected: `${many} daemon processes on one state directory; before each round the last one ended by SIGTERM or kill -9, in turn; every fifth round ${many} times tandem up`,
      expected:
        'exactly 1 lives, every round: it holds the lock (by the kernel) and answers; the others say DAEMON_ALREADY_RUNNING (75), every tandem up is served by the same',
      needs: [needsProc],
      timeoutMs: 3_600_000,
    },
    async () => {
      // What is raced for does not need Codex.
      await using world = await openTandemWorld([], { codex: { path: '/nonexistent/codex' } })
      const slowest = { ms: 0 }
      for (let round = 0; round < rounds; round += 1) {
        const began = performance.now()
        await (round % 5 === 4 ? raceOfCommands(world) : raceOfDaemons(world, round % 2 === 0 ? 'SIGKILL' : 'SIGTERM'))
        slowest.ms = Math.max(slowest.ms, performance.now() - began)
      }
      return `1 lived in ${rounds} of ${rounds} rounds; slowest round ${(slowest.ms / 1000).toFixed(1)} s`
    },
  )
})

async function raceOfDaemons(world: TandemWorld, end: NodeJS.Signals): Promise<void> {
  const children = Array.from({ length: many }, () => spawnDaemon(world))
  for (const child of children) for (const stream of [child.stdout, child.stderr]) stream?.resume()
  const exits = children.map(child => once(child, 'exit'))
  const pid = await untilServing(world)
  const codeOfAll = () => children.map(child => child.exitCode).filter(code => code !== null)
  await expect.poll(codeOfAll, patiently).toEqual(Array.from({ length: many - 1 }, () => 75))
  expect(children.filter(child => child.exitCode === null).map(child => child.pid)).toEqual([pid])
  expect(lockHolder(world.places.lockFile)).toBe(pid)
  expect(await servingPid(world)).toBe(pid)
  process.kill(pid, end)
  await Promise.all(exits)
  expect(existsSync(world.places.lockFile)).toBe(end === 'SIGKILL')
  expect(processesOf(world.folder)).toEqual([])
}

/** Of errors; that Codex is missing is said in words. */
const codesIn = (text: string): readonly string[] => text.match(/\b[A-Z]+_[A-Z_]+\b/g) ?? []

async function raceOfCommands(world: TandemWorld): Promise<void> {
  const outputs = await Promise.all(Array.from({ length: many }, () => world.tandem(['up'])))
  expect(outputs.map(({ code, err }) => [code, codesIn(err)])).toEqual(outputs.map(() => [0, []]))
  const pids = new Set(outputs.map(({ out }) => Number(/pid (\d+)/.exec(out)?.[1])))
  expect([...pids]).toEqual([lockHolder(world.places.lockFile)])
  // The supervisors of those that lost end by themselves.
  const supervisors = () => processesOf(world.folder).filter(pid => commandOf(pid).includes('supervisor.sh'))
  await expect.poll(() => supervisors().length, patiently).toBe(1)
  expect([...pids].map(isAlive)).toEqual([true])
  expect(await world.tandem(['down'])).toMatchObject({ code: 0 })
  await expect.poll(() => processesOf(world.folder), patiently).toEqual([])
}
