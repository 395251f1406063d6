import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { isAlive } from '#client'
import { rule, say } from '#scripted-model'
import { configure } from './support/health-of.ts'
import { configureCodex, ownProvider } from './support/own-provider.ts'
import { tandemForEach } from './support/tandem-for-each.ts'
import { caller, openTandemWorld } from './support/tandem-world.ts'

const mainFile = join(import.meta.dirname, '../src/app/main.ts')

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

describe('restart', () => {
  const on = tandemForEach()
  // No login is wanted.
  beforeEach(() => configureCodex(on.tandem, ownProvider))

  test.each<[string, string, () => void]>([
    ['an open state directory', 'DIRECTORY_UNSAFE', () => chmodSync(on.tandem.places.stateDir, 0o755)],
    ['an open runtime directory', 'DIRECTORY_UNSAFE', () => chmodSync(on.tandem.places.runtimeDir, 0o755)],
  ])('keeps a daemon that works when no other could start: %s', async (_, code, breakIt) => {
    await on.tandem.run(['up'])
    const pid = on.tandem.daemonPid() ?? 0
    breakIt()
    expect((await on.tandem.run(['restart'])).stderr).toContain(code)
    expect(isAlive(pid)).toBe(true)
  })

  test('starts one where none runs', async () => {
    const { code, stdout } = await on.tandem.run(['restart'])
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^the daemon was not running, and is up: pid \d+/)])
  })

  test('keeps a daemon that works when no other could start', async () => {
    await on.tandem.run(['up'])
    const pid = on.tandem.daemonPid()
    configure(on.tandem, 'nonsense = 1\n')
    expect(await on.tandem.run(['restart'])).toMatchObject({
      code: 78,
      stderr: expect.stringContaining('CONFIG_INVALID'),
    })
    expect(on.tandem.daemonPid()).toBe(pid)
  })

  test('has the environment of its caller, whoever starts daemons meanwhile', async () => {
    await on.tandem.run(['up'])
    // Clients that want a daemon all the time, and start one whenever there is none.
    const clients = [1, 2].map(() => on.tandem.start(['up']))
    const others = spawn(
      '/bin/sh',
      [
        '-c',
        `while [ ! -e "$1" ]; do "$2" "$3" up; done`,
        'sh',
        join(on.tandem.root, 'enough'),
        process.execPath,
        mainFile,
      ],
      { env: on.tandem.env, stdio: 'ignore' },
    )
    const { code } = await on.tandem.run(['restart'], { MARK_OF_CALLER: 'here' })
    const pid = on.tandem.daemonPid() ?? 0
    writeFileSync(join(on.tandem.root, 'enough'), '')
    await Promise.all(
      [...clients, others].map(async child => void (child.exitCode === null && (await once(child, 'exit')))),
    )
    expect(code).toBe(0)
    expect(existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/environ`, 'utf8')).toContain('MARK_OF_CALLER=here')
  })
})
