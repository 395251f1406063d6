import { chmodSync, cpSync, existsSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isAlive } from '#client'
import { createTestTandem } from './support/tandem.ts'
import type { FindingsReport } from '#contracts'
import type { TestTandem } from './support/tandem.ts'

/* A person copies the state directory of a daemon that runs, and works with the copy. */

let world: TestTandem
let copy = ''
beforeEach(async () => {
  world = createTestTandem()
  copy = join(world.root, 'copy')
  await world.run(['up'])
  cpSync(world.places.stateDir, copy, { recursive: true })
  chmodSync(copy, 0o700)
})
afterEach(() => world[Symbol.asyncDispose]())

const addressIn = (directory: string): { readonly pid: number } =>
  JSON.parse(readFileSync(join(directory, 'daemon.json'), 'utf8')) as { readonly pid: number }

test('the copy has no daemon, gets one of its own, and ends only that', async () => {
  const pid = world.daemonPid() ?? 0
  const own = { TANDEM_STATE_DIR: copy, TANDEM_RUNTIME_DIR: join(copy, 'run') }
  expect(addressIn(copy).pid).toBe(pid)
  expect(await world.run(['down'], own)).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('no daemon is running'),
  })
  const { findings } = JSON.parse((await world.run(['check', '--json'], own)).stdout) as FindingsReport
  expect(findings.find(({ name }) => name === 'daemon')).toMatchObject({
    state: 'warning',
    code: 'DAEMON_ADDRESS_STRAY',
    cure: expect.stringContaining(`rm ${copy}/daemon.json`) as string,
  })
  const up = await world.run(['up', '--json'], own)
  expect(JSON.parse(up.stdout)).toMatchObject({ kind: 'started' })
  expect(addressIn(copy).pid).not.toBe(pid)
  await world.run(['down'], own)
  expect([isAlive(pid), existsSync(join(copy, 'daemon.json'))]).toEqual([true, false])
  expect((await world.run(['status'])).code).toBe(0)
})

test('with the runtime directory of the original it is told so, whatever it asks', async () => {
  const pid = world.daemonPid() ?? 0
  for (const argv of [['status'], ['down'], ['restart'], ['up'], ['ask', '--detach', 'hello']]) {
    const { code, stderr } = await world.run(argv, { TANDEM_STATE_DIR: copy })
    expect([argv[0], code, stderr]).toEqual([argv[0], 73, expect.stringContaining('DAEMON_OF_OTHER_STATE')])
    expect(stderr).toContain(`TANDEM_RUNTIME_DIR=${copy}/run`)
  }
  expect(isAlive(pid)).toBe(true)
  expect(JSON.parse((await world.run(['turns', '--json'])).stdout)).toMatchObject({ turns: [] })
})

test('a directory that has another name by now keeps its daemon', async () => {
  const pid = world.daemonPid()
  const moved = join(world.root, 'moved')
  renameSync(world.places.stateDir, moved)
  const elsewhere = join(world.root, 'elsewhere')
  const { stdout } = await world.run(['status', '--json'], { TANDEM_STATE_DIR: moved, TANDEM_RUNTIME_DIR: elsewhere })
  expect(JSON.parse(stdout)).toMatchObject({ pid })
  renameSync(moved, world.places.stateDir)
})
