import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect } from 'vitest'
import { rule, say } from '#scripted-model'
import { fault } from '../support/fault.ts'
import { mountState } from '../support/mounted.ts'
import { needsProgram, needsRoot } from '../support/needs.ts'
import { openTandemWorld } from '../support/tandem-world.ts'
import { openUser, seconds } from '../support/user.ts'
import type { TandemWorld } from '../support/tandem-world.ts'
import type { User } from '../support/user.ts'

const text = Array.from({ length: 400 }, (_, index) => `word ${index} of a long answer`).join(' ')
/** Some seconds long: the fault begins and mostly ends in the middle of it. */
const rules = [
  rule('talk', { lastText: 'talk' }, [{ text, chunks: 150, chunkDelayMs: 25 }]),
  rule('echo', {}, [say('you said {{lastText}}')]),
]

/** What somebody gets who asks now. */
const outcomeOf = (user: User): Promise<string> =>
  user.answer('hello').then(
    answer => answer.error?.code ?? answer.status,
    (error: unknown) => (error as { readonly code: string }).code,
  )

/** Until some of its text is in the store. */
async function textOf(user: User, turn_id: string): Promise<void> {
  const hasText = async (): Promise<boolean> =>
    (await user.call('events', { turn_id, kinds: ['text'] })).events.length > 0
  await expect.poll(hasText, patiently).toBe(true)
}

const patiently = { timeout: 60_000, interval: 100 }

describe('the disk', () => {
  fault(
    {
      fault: 'it is full, and free again',
      injected:
        'the state directory is a tmpfs of 8 MB; a file fills it to the last byte in the middle of a turn, and is removed later',
      expected:
        'new prompts are refused with STORE_FULL; reading goes on; the same daemon works again when there is space, and the turn has its whole text',
      needs: [needsRoot, needsProgram('mount')],
    },
    async () => {
      await using world = await openTandemWorld(rules)
      await using _disk = mountState(world, 8_000_000)
      const user = openUser(world)
      await user.answer('before')
      const { pid } = await user.call('status', {})
      const talk = await user.ask('talk')
      await textOf(user, talk.turn_id)
      const filler = fill(world)
      const refused = await outcomeOf(user)
      await world.model.waitForRequest(request => request.rule === 'talk' && request.outcome === 'played', {
        timeoutMs: 30_000,
      })
      expect(refused).toBe('STORE_FULL')
      expect((await user.call('turns', {})).turns).toHaveLength(2)
      const health = await world.tandem(['health', '--json'])
      rmSync(filler)
      const freedAt = performance.now()
      await expect.poll(() => outcomeOf(user), patiently).toBe('completed')
      const worksAfter = performance.now() - freedAt
      const answer = await user.wait(talk.turn_id)
      expect([answer.success, answer.agent_messages, answer.error]).toEqual([true, text, null])
      expect(await user.call('status', {})).toMatchObject({ pid })
      return `refused with STORE_FULL, health exit ${health.code}; works ${seconds(worksAfter)} after there was space, same daemon, ${answer.agent_messages.length} of ${text.length} characters`
    },
  )

  fault(
    {
      fault: 'it is full at the start',
      injected: 'a tmpfs of 8 MB with a used database, filled to the last byte while the daemon is down',
      expected: 'a coded error with its cure; nothing is lost; it starts when there is space',
      needs: [needsRoot, needsProgram('mount')],
    },
    async () => {
      await using world = await openTandemWorld(rules)
      await using _disk = mountState(world, 8_000_000)
      await openUser(world).answer('before')
      await world.tandem(['down'])
      const filler = fill(world)
      const up = await world.tandem(['up'])
      const code = /\b(?!TANDEM_)[A-Z]+_[A-Z_]+\b/.exec(up.err)?.[0] ?? 'started'
      const isUp = up.code === 0
      rmSync(filler)
      expect(await world.tandem(['up'])).toMatchObject({ code: 0 })
      expect((await openUser(world).call('turns', {})).turns).toHaveLength(1)
      expect(await outcomeOf(openUser(world))).toBe('completed')
      expect(isUp ? 'started' : code).toMatch(/^(?:started|STORE_FULL|LOCK_UNUSABLE|DIRECTORY_UNWRITABLE)$/)
      return `${isUp ? 'it started all the same' : `${code}, exit ${up.code}`}; then everything was there`
    },
  )

  fault(
    {
      fault: 'it fails to sync',
      injected: 'strace makes every fsync and fdatasync of the running daemon fail with EIO for a while',
      expected:
        'what cannot be made durable is not accepted: STORE_FAILED; the daemon lives; afterwards it works, and the database is sound',
      needs: [needsProgram('strace', ['-qq', '-e', 'trace=none', 'true'])],
    },
    async () => {
      await using world = await openTandemWorld(rules)
      const user = openUser(world)
      await user.answer('before')
      const { pid } = await user.call('status', {})
      const talk = await user.ask('talk')
      await textOf(user, talk.turn_id)
      const strace = spawn(
        'strace',
        ['-f', '-p', String(pid), '-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO'],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      )
      const ended = once(strace, 'exit')
      await once(strace.stderr, 'data')
      strace.stderr.resume()
      const refused = await outcomeOf(user)
      await world.model.waitForRequest(request => request.rule === 'talk' && request.outcome === 'played', {
        timeoutMs: 30_000,
      })
      const turns = (await user.call('turns', {})).turns.length
      strace.kill('SIGINT')
      await ended
      expect(refused).toBe('STORE_FAILED')
      expect(turns).toBe(2)
      await expect.poll(() => outcomeOf(user), patiently).toBe('completed')
      const answer = await user.wait(talk.turn_id)
      expect([answer.success, answer.agent_messages, answer.error]).toEqual([true, text, null])
      expect(await user.call('status', {})).toMatchObject({ pid })
      await world.tandem(['down'])
      using database = new DatabaseSync(world.places.storeFile)
      expect(database.prepare('pragma integrity_check').all()).toEqual([{ integrity_check: 'ok' }])
      return 'STORE_FAILED, nothing of the prompt was kept; afterwards it worked, the running turn had its whole text, the database was sound'
    },
  )
})

/** Takes what is left, to the last byte; answers the file that does. */
function fill(world: TandemWorld): string {
  const path = join(world.places.stateDir, 'filler')
  const descriptor = openSync(path, 'w')
  for (let size = 65_536; size >= 1; size = Math.floor(size / 4)) while (takes(descriptor, size));
  closeSync(descriptor)
  return path
}

function takes(descriptor: number, bytes: number): boolean {
  try {
    return writeSync(descriptor, Buffer.alloc(bytes)) > 0
  } catch {
    // Not so many any more: fewer, perhaps.
    return false
  }
}
