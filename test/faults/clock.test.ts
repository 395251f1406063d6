import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { rule, say } from '#scripted-model'
import { startDaemon } from '../support/daemon-process.ts'
import { fault } from '../support/fault.ts'
import { openTandemWorld } from '../support/tandem-world.ts'
import { openUser } from '../support/user.ts'
import type { Need } from '../support/fault.ts'

const library = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1'
const needsFaketime: Need = () => (existsSync(library) ? undefined : 'libfaketime is missing')

const hour = 3600
const jumps = [
  ['an hour forwards', hour],
  ['an hour backwards', -hour],
  ['a day forwards', 24 * hour],
  ['a day backwards', -24 * hour],
] as const

/** Deadlines that a jump of an hour would pass, were they told by the wall clock. */
const limits = {
  first_event_timeout_ms: 600_000,
  silence_timeout_ms: 600_000,
  retrying_timeout_ms: 600_000,
  total_timeout_ms: 1_200_000,
}

describe('the wall clock', () => {
  for (const [name, seconds] of jumps)
    fault(
      {
        fault: `it jumps ${name}`,
        injected: 'libfaketime in the daemon; its file is changed during a turn (the monotonic clock goes on as it is)',
        expected:
          'no deadline of 10 min fires, no wait ends early; the turn completes; events stay in their order and follow on by cursor; ids stay unique; the log goes on and keeps its bounds',
        needs: [needsFaketime],
      },
      async () => {
        await using world = await openTandemWorld(
          [
            rule('talk', { lastText: 'talk' }, [say('the beginning '), { gate: 'held' }, say('and the end')]),
            rule('echo', {}, [say('you said {{lastText}}')]),
          ],
          { turns: limits, log: { level: 'debug', max_bytes: 20_000, max_files: 3 } },
        )
        const file = join(world.folder, 'time')
        writeFileSync(file, '+0')
        const env = {
          LD_PRELOAD: library,
          FAKETIME_TIMESTAMP_FILE: file,
          FAKETIME_NO_CACHE: '1',
          FAKETIME_DONT_FAKE_MONOTONIC: '1',
        }
        await using daemon = await startDaemon(world, { env })
        const user = openUser(world)
        await user.answer('before')
        const timeOf = async (): Promise<number> => {
          const { started_at, uptime_ms } = await user.call('status', {})
          return started_at + uptime_ms
        }
        const before = await timeOf()
        const talk = await user.ask('talk', { return_all_messages: true })
        await world.model.waitForRequest(request => request.rule === 'talk', { timeoutMs: 30_000 })
        const waiting = user.wait(talk.turn_id, 3000)
        const began = performance.now()
        writeFileSync(file, `${seconds > 0 ? '+' : ''}${seconds}`)
        expect((await waiting).status).toBe('running')
        const waitedMs = performance.now() - began
        expect(waitedMs).toBeGreaterThan(2500)
        world.model.release('held')
        expect(await user.wait(talk.turn_id)).toMatchObject({
          success: true,
          agent_messages: expect.stringContaining('and the end'),
        })
        const jumped = seconds > 0 ? Math.round(((await timeOf()) - before) / 1000) : seconds
        const more: string[] = []
        for (let index = 0; index < 5; index += 1) more.push((await user.answer(`after ${index}`)).turn_id)
        writeFileSync(file, '+0')
        more.push((await user.answer('back again')).turn_id)
        expect(Math.abs(jumped - seconds)).toBeLessThan(60)
        expect(new Set(more).size).toBe(more.length)
        const { events } = await user.call('events', { limit: 500 })
        const seqs = events.map(event => event.seq)
        expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
        const ended = events.filter(event => event.kind === 'turn.ended').map(event => event.data)
        expect(ended).toHaveLength(8)
        expect(ended.filter(data => data['status'] !== 'completed')).toEqual([])
        const listed = (await user.call('turns', {})).turns
        expect(listed).toHaveLength(8)
        daemon.child.kill('SIGTERM')
        expect(await daemon.ended).toMatchObject({ code: 0 })
        const logs = readdirSync(world.places.stateDir).filter(each => /^daemon.*log/.test(each))
        expect(logs.length).toBeLessThanOrEqual(4)
        const log = logs.map(each => readFileSync(join(world.places.stateDir, each), 'utf8')).join('')
        expect(log).toContain(String(more.at(-1)))
        expect(log).toContain('"daemon stopped"')
        return `8 of 8 turns completed, ${events.length} events in order, a wait of 3 s took ${(waitedMs / 1000).toFixed(1)} s, ${logs.length} log files`
      },
    )
})
