import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { rule, say } from '#scripted-model'
import { caller, openTandemWorld } from './support/tandem-world.ts'
import type { TandemWorld } from './support/tandem-world.ts'

const patiently = { timeout: 20_000, interval: 50 }

/** How many of our commands (not this test's own client) the daemon has answered the greeting of. */
function commandsGreeted(world: TandemWorld): number {
  const lines = readFileSync(world.places.logFile, 'utf8').split('\n')
  return lines.filter(line => line.includes('"client greeted"') && line.includes('"client":"tandem"')).length
}

it('up waits for a daemon that is stopping, and starts the next one', { timeout: 60_000 }, async () => {
  const rules = [rule('hold', { lastText: 'hold on' }, [{ gate: 'held' }, say('held on')])]
  await using world = await openTandemWorld(rules, { log: { level: 'debug' } })
  const client = world.client()
  const { turn_id } = await client.call('ask', { prompt: 'hold on', cd: world.project, wait_ms: 0 }, { caller })
  await world.model.waitForRequest(request => request.rule === 'hold', { timeoutMs: 20_000 })
  const { pid } = await client.call('status', {}, { caller })
  const down = world.tandem(['down'])
  await expect.poll(async () => (await client.call('status', {}, { caller })).is_stopping, patiently).toBe(true)
  const before = commandsGreeted(world)
  const up = world.tandem(['up'])
  // Only now has `up` been told that this one is stopping.
  await expect.poll(() => commandsGreeted(world), patiently).toBe(before + 1)
  world.model.release('held')
  expect(await down).toMatchObject({ code: 0, out: expect.stringContaining(`the daemon with pid ${pid} is down`) })
  expect(await up).toMatchObject({ code: 0, out: expect.stringMatching(/^the daemon is up: pid \d+/) })
  await using next = world.client()
  expect(await next.call('wait', { turn_id }, { caller })).toMatchObject({ success: true, agent_messages: 'held on' })
  expect((await next.call('status', {}, { caller })).pid).not.toBe(pid)
})

it('in the foreground another daemon is a conflict, not a success', { timeout: 60_000 }, async () => {
  await using world = await openTandemWorld([])
  await world.tandem(['up'])
  expect(await world.tandem(['up', '--foreground'])).toMatchObject({
    code: 73,
    out: expect.stringMatching(/^the daemon was up already: pid \d+/),
  })
})
