import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { rule, say } from '#scripted-model'
import { fault } from '../support/fault.ts'
import { openUser, seconds } from '../support/user.ts'
import { openTandemWorld } from '../support/tandem-world.ts'

const patiently = { timeout: 60_000, interval: 50 }

const talk = [
  rule('go on', { lastText: 'cut off by a crash' }, [say('and the end')]),
  rule('talk', { lastText: 'talk' }, [{ text: 'the beginning ', chunks: 2 }, { gate: 'held' }]),
  rule('short', { lastText: 'short' }, [say('done')]),
]

/** A world whose app-server has just been stopped in the turn `cut`. */
async function openHungWorld() {
  await using opened = new AsyncDisposableStack()
  const world = opened.use(await openTandemWorld(talk, { codex: { request_timeout_ms: 1000 } }))
  const user = openUser(world)
  const cut = await user.ask('talk')
  await world.model.waitForRequest(request => request.rule === 'talk', { timeoutMs: 30_000 })
  const pid = await user.codexPid()
  process.kill(pid, 'SIGSTOP')
  const kept = opened.move()
  return { user, cut, pid, stoppedAt: performance.now(), [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

describe('Codex', () => {
  fault(
    {
      fault: 'Codex hangs while several ask',
      injected: 'SIGSTOP of the app-server during a turn, then another prompt',
      expected:
        'noticed after request_timeout_ms (1 s here) and a second look, killed and started again; the cut turn is continued, the other is answered; status and turns answer all the while',
    },
    async () => {
      await using hung = await openHungWorld()
      const { user, cut, pid, stoppedAt } = hung
      const other = await user.ask('short')
      let slowest = 0
      let noticedAfter = 0
      for (;;) {
        const askedAt = performance.now()
        const { codex } = await user.call('status', {})
        await user.call('turns', {})
        slowest = Math.max(slowest, performance.now() - askedAt)
        if (codex.pid !== pid) break
        noticedAfter = performance.now() - stoppedAt
        expect(noticedAfter).toBeLessThan(20_000)
      }
      const answers = await Promise.all([user.wait(cut.turn_id), user.wait(other.turn_id)])
      expect(answers).toMatchObject([
        { success: true, agent_messages: expect.stringContaining('and the end') },
        { success: true, agent_messages: 'done' },
      ])
      expect(slowest).toBeLessThan(1000)
      return `noticed after ${seconds(noticedAfter)}; both turns completed, the cut one continued; slowest status and turns ${Math.round(slowest)} ms`
    },
  )

  fault(
    {
      fault: 'Codex hangs in the only turn that there is',
      injected: 'SIGSTOP of the app-server during a turn; nobody asks anything else',
      expected: 'noticed all the same, long before the silence deadline (5 min); the turn is continued',
    },
    async () => {
      await using hung = await openHungWorld()
      const { user, cut, stoppedAt } = hung
      const answer = await user.wait(cut.turn_id)
      const tookMs = performance.now() - stoppedAt
      expect(answer).toMatchObject({ success: true, agent_messages: expect.stringContaining('and the end') })
      return `the answer was there ${seconds(tookMs)} after the stop`
    },
  )

  fault(
    {
      fault: 'Codex dies at every start, then is mended',
      injected: 'a codex program that exits with 3 as app-server; later it runs the real one',
      expected:
        'CODEX_BREAKER_OPEN with the reason for who asks; status, turns and settings go on; works again by itself once the program does',
      timeoutMs: 180_000,
    },
    async () => {
      await using world = await openTandemWorld(talk)
      const program = join(world.folder, 'codex-program')
      const bad = join(world.folder, 'bad')
      writeFileSync(bad, '')
      const real = join(import.meta.dirname, '../../node_modules/.bin/codex')
      const script = `[ "$1" = --version ] && echo codex-cli 0.169.0 && exit\n[ -e ${bad} ] && exit 3\nexec ${real} "$@"\n`
      writeFileSync(program, `#!/bin/sh\n${script}`, { mode: 0o755 })
      writeFileSync(world.places.configFile, `[codex]\npath = ${JSON.stringify(program)}\n`)
      await world.tandem(['up'])
      const user = openUser(world)
      const stateOf = async () => (await user.call('status', {})).codex
      await expect.poll(async () => (await stateOf()).kind, patiently).toBe('broken')
      const { detail } = await stateOf()
      expect(detail).toContain('exit code 3')
      const refused = await user.wait((await user.ask('short')).turn_id)
      expect(refused.error).toMatchObject({ code: 'CODEX_BREAKER_OPEN', hint: expect.any(String) })
      const health = await world.tandem(['health', '--json'])
      await user.call('settings', { cd: world.project })
      expect((await user.call('turns', {})).turns).toHaveLength(1)
      rmSync(bad)
      const mendedAt = performance.now()
      await expect.poll(async () => (await stateOf()).kind, patiently).toBe('ready')
      const tookMs = performance.now() - mendedAt
      expect(await user.wait((await user.ask('short')).turn_id)).toMatchObject({ success: true })
      return `broken, "${detail}"; asked: ${refused.error?.code}; health exit ${health.code}; ready ${seconds(tookMs)} after the cure, without a restart`
    },
  )
})
