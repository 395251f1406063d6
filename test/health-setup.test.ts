import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { configureCodex, ownProvider } from './support/own-provider.ts'
import { createTestTandem } from './support/tandem.ts'
import type { FindingsReport, Health } from '#contracts'
import type { TestTandem } from './support/tandem.ts'

/* What keeps every turn from succeeding while the daemon runs: `health` is degraded, and `check` says the same. */

let world: TestTandem
beforeEach(() => {
  world = createTestTandem()
  codexConfig(ownProvider)
  mkdirSync(world.places.configDir, { recursive: true })
})
afterEach(() => world[Symbol.asyncDispose]())

const codexHome = (): string => world.env['CODEX_HOME'] ?? ''
const codexConfig = (text: string): void => configureCodex(world, text)

/** Code and cure, as each of the two tells them. */
interface Told {
  readonly code: unknown
  readonly cure: string | null
}

async function health(): Promise<{ readonly exit: number | null; readonly told: readonly Told[] }> {
  const { code, stdout } = await world.run(['health', '--json'])
  const { parts } = JSON.parse(stdout) as Health
  const wrong = parts.filter(({ state }) => state !== 'healthy')
  return { exit: code, told: wrong.map(({ cure, details }) => ({ code: details['code'], cure })) }
}

async function check(env: Readonly<Record<string, string>> = {}): Promise<readonly Told[]> {
  const { findings } = JSON.parse((await world.run(['check', '--json'], env)).stdout) as FindingsReport
  const wrong = findings.filter(({ state }) => state === 'problem' || state === 'warning')
  return wrong.map(({ code, cure }) => ({ code, cure }))
}

const patiently = { timeout: 20_000, interval: 200 }

test.each<[string, string, () => void]>([
  ['a policy with a typo', 'POLICY_INVALID', () => writeFileSync(world.places.policyFile, 'max_sandbx = 1\n')],
  [
    'a key that the daemon does not have',
    'PROVIDER_KEY_MISSING',
    () => codexConfig(`${ownProvider}env_key = "MY_KEY"\n`),
  ],
  ['a provider that is not defined', 'CODEX_PROVIDER_UNKNOWN', () => codexConfig('model_provider = "mine"\n')],
  ['a broken configuration of Codex', 'CODEX_CONFIG_INVALID', () => codexConfig('model_provider = [\n')],
  ['no login', 'CODEX_NOT_LOGGED_IN', () => rmSync(join(codexHome(), 'config.toml'))],
  ['an open state directory', 'DIRECTORY_UNSAFE', () => chmodSync(world.places.stateDir, 0o755)],
])('%s', async (_, code, breakIt) => {
  await world.run(['up'])
  await expect.poll(async () => (await health()).exit, patiently).toBe(0)
  breakIt()
  await expect.poll(async () => (await health()).exit, patiently).toBe(1)
  const { told } = await health()
  expect(told).toEqual([{ code, cure: expect.any(String) }])
  expect(await check()).toEqual(told)
})

test('a Codex that only the shell finds: both lead to a restart, which cures it', async () => {
  const withCodex = world.env['PATH'] ?? ''
  writeFileSync(world.places.configFile, '[codex]\npath = "mine-codex"\n')
  await world.run(['up'])
  await expect.poll(async () => (await health()).told, patiently).toMatchObject([{ code: 'CODEX_NOT_FOUND' }])
  expect((await health()).told[0]?.cure).toContain('tandem restart')
  writeFileSync(join(world.root, 'mine-codex'), '#!/bin/sh\necho codex-cli 0.169.0\n', { mode: 0o755 })
  const shell = { PATH: `${world.root}:${withCodex}` }
  expect(await check(shell)).toEqual([
    { code: 'CODEX_NOT_FOUND', cure: expect.stringContaining('tandem restart') as string },
  ])
})

test('a port that another program has, and a token that others may read', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' ? address?.port : 0
  writeFileSync(world.places.configFile, `[http]\nport = ${port}\n`)
  await world.run(['up'])
  await expect.poll(async () => (await health()).told, patiently).toMatchObject([{ code: 'HTTP_PORT_TAKEN' }])
  expect(await check()).toEqual((await health()).told)
  other.close()
  await world.run(['restart'])
  await expect.poll(async () => (await health()).exit, patiently).toBe(0)
  chmodSync(join(dirname(world.places.httpTokenFile), 'http.token'), 0o644)
  expect(await check()).toMatchObject([{ code: 'HTTP_TOKEN_UNSAFE' }])
  await world.run(['restart'])
  await expect.poll(async () => (await health()).told, patiently).toMatchObject([{ code: 'HTTP_TOKEN_UNSAFE' }])
  expect(await check()).toEqual((await health()).told)
})
