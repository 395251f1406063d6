import { expect, test } from 'vitest'
import { rule, say } from '#scripted-model'
import { caller, openTandemWorld } from './support/tandem-world.ts'

test('a turn that runs goes on after a restart, in the daemon with the new environment, and has run once', async () => {
  const rules = [
    rule('held', { lastText: 'hold', sincePrompt: 0 }, [say('I was '), { gate: 'never' }, say('there')]),
    rule('go on', { lastText: 'cut off by a crash' }, [say('went on')]),
  ]
  await using world = await openTandemWorld(rules, { turns: { stop_grace_ms: 0 } })
  const asked = await world.tandem(['ask', '--detach', '--json', 'hold'])
  const { turn_id } = JSON.parse(asked.out.trim().split('\n').at(-1) ?? '') as { readonly turn_id: string }
  await world.model.waitForRequest(request => request.rule === 'held', { timeoutMs: 60_000 })

  const restarted = await world.tandem(['restart', '--json'])
  const { pid, before } = JSON.parse(restarted.out) as { readonly pid: number; readonly before: object }
  expect(before).toMatchObject({
    running: 1,
    was_forced: false,
    pid: expect.not.toSatisfy((old: number) => old === pid),
  })

  await using client = world.client()
  expect(await client.call('wait', { turn_id }, { caller })).toMatchObject({
    status: 'completed',
    agent_messages: 'went on',
  })
  expect(world.promptsInHistory().filter(prompt => prompt === 'hold')).toHaveLength(1)
})
