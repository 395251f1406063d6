import { chmodSync, mkdirSync, readdirSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { configureCodex, ownProvider } from './support/own-provider.ts'
import { createTestTandem } from './support/tandem.ts'
import type { FindingsReport, Health } from '#contracts'
import type { TestTandem } from './support/tandem.ts'

/* A user breaks one thing; `tandem check` names it, its cure and nothing else. */

let world: TestTandem
beforeEach(() => {
  world = createTestTandem()
  // No login is wanted.
  codexConfig('')
})
afterEach(() => world[Symbol.asyncDispose]())

const codexConfig = (more: string): void => configureCodex(world, `${ownProvider}${more}`)

interface Checked {
  readonly code: number | null
  readonly wrong: readonly { readonly name: string; readonly code: string | null; readonly cure: string | null }[]
  readonly report: FindingsReport
}

async function check(env: Readonly<Record<string, string>> = {}): Promise<Checked> {
  const { code, stdout } = await world.run(['check', '--json'], env)
  const report = JSON.parse(stdout) as FindingsReport
  const wrong = report.findings.filter(({ state }) => state === 'problem' || state === 'warning')
  return { code, report, wrong: wrong.map(({ name, code: its, cure }) => ({ name, code: its, cure })) }
}

const alone = (name: string, code: string, cure: RegExp) => [
  { name, code, cure: expect.stringMatching(cure) as string },
]
const stateDir = (): string => {
  mkdirSync(world.places.stateDir, { recursive: true, mode: 0o700 })
  return world.places.stateDir
}
const runtimeDir = (): string => {
  mkdirSync(world.places.runtimeDir, { recursive: true, mode: 0o700 })
  return world.places.runtimeDir
}
const config = (text: string): void => {
  mkdirSync(world.places.configDir, { recursive: true })
  writeFileSync(world.places.configFile, text)
}
const files = (): readonly string[] => readdirSync(world.root, { recursive: true, encoding: 'utf8' }).toSorted()

describe('without a daemon', () => {
  test('nothing is wrong, nothing is made, and none is started', async () => {
    const before = files()
    expect(await check()).toMatchObject({ code: 0, wrong: [] })
    expect(files()).toEqual(before)
    expect(world.daemonPid()).toBeUndefined()
  })

  test.each<[string, () => void, readonly [string, string, RegExp, number]]>([
    [
      'a typo in the configuration',
      () => config('[turns]\nmax_runing = 3\n'),
      ['configuration', 'CONFIG_INVALID', /docs\/configuration\.md/, 78],
    ],
    [
      'an open state directory',
      () => chmodSync(stateDir(), 0o755),
      ['state directory', 'DIRECTORY_UNSAFE', /chmod 700 /, 78],
    ],
    [
      'a state directory that is a link',
      () => {
        mkdirSync(join(world.root, 'real'), { mode: 0o700 })
        rmdirSync(stateDir())
        symlinkSync(join(world.root, 'real'), world.places.stateDir)
      },
      ['state directory', 'DIRECTORY_UNSAFE', /TANDEM_STATE_DIR=/, 78],
    ],
    [
      'a state directory that is a file',
      () => {
        rmdirSync(stateDir())
        writeFileSync(world.places.stateDir, '')
      },
      ['state directory', 'DIRECTORY_UNSAFE', /TANDEM_STATE_DIR=/, 78],
    ],
    [
      'a file at the socket',
      () => writeFileSync(join(runtimeDir(), 'daemon.sock'), ''),
      ['socket', 'SOCKET_OCCUPIED', /mv .*daemon\.sock\.old/, 78],
    ],
    [
      'a directory at the socket',
      () => mkdirSync(join(runtimeDir(), 'daemon.sock')),
      ['socket', 'SOCKET_OCCUPIED', /mv /, 78],
    ],
    [
      'a link at the socket',
      () => symlinkSync('/nowhere', join(runtimeDir(), 'daemon.sock')),
      ['socket', 'SOCKET_OCCUPIED', /rm /, 78],
    ],
    ['a log that is a directory', () => mkdirSync(join(stateDir(), 'daemon.log')), ['log', 'LOG_UNWRITABLE', /mv /, 1]],
    [
      'a lock that cannot be one',
      () => mkdirSync(join(stateDir(), 'daemon.lock')),
      ['daemon', 'LOCK_UNUSABLE', /TANDEM_STATE_DIR/, 1],
    ],
    [
      'a store that is none',
      () => writeFileSync(join(stateDir(), 'tandem.db'), 'x'.repeat(5000)),
      ['store', 'STORE_CORRUPT', /tandem down && mkdir .*tandem\.db\.damaged-\d{8}-\d{6}'? && mv .*; tandem up/, 1],
    ],
    [
      'a Codex that is not there',
      () => config('[codex]\npath = "/nowhere/codex"\n'),
      ['codex', 'CODEX_NOT_FOUND', /npm i -g @openai\/codex/, 78],
    ],
    [
      'a home of Codex that is not there',
      () => config('[codex]\nhome = "/nowhere"\n'),
      ['codex home', 'CODEX_HOME_MISSING', /mkdir -p \/nowhere/, 78],
    ],
    [
      'a provider that is not defined',
      () => writeFileSync(join(world.env['CODEX_HOME'] ?? '', 'config.toml'), 'model_provider = "mine"\n'),
      ['provider key', 'CODEX_PROVIDER_UNKNOWN', /model_providers\.mine/, 78],
    ],
    [
      'a key that nobody set',
      () => codexConfig('env_key = "OWN_KEY"'),
      ['provider key', 'PROVIDER_KEY_MISSING', /export OWN_KEY=…; tandem restart/, 78],
    ],
  ])('%s', async (_, breakIt, [name, code, cure, exitCode]) => {
    breakIt()
    const found = await check()
    expect(found.wrong.filter(one => one.name === name)).toEqual(alone(name, code, cure))
    expect(found.code).toBe(exitCode)
    expect(found.wrong.filter(one => one.name !== name && one.name !== 'login')).toEqual([])
  })

  test('a program that lets no version out of it, a port in use, a socket of another program, a policy with a typo', async () => {
    const fake = join(world.root, 'fake-codex')
    writeFileSync(fake, '#!/bin/sh\nexit 3\n', { mode: 0o755 })
    const other = createServer().listen(join(runtimeDir(), 'daemon.sock'))
    const port = createServer().listen(0, '127.0.0.1')
    await Promise.all([once(other, 'listening'), once(port, 'listening')])
    const address = port.address()
    config(`[codex]\npath = "${fake}"\n[http]\nport = ${typeof address === 'object' ? address?.port : 0}\n`)
    writeFileSync(world.places.policyFile, 'max_sandbx = "read-only"\n')
    const { wrong, code } = await check()
    other.close()
    port.close()
    expect(wrong.map(({ name, code: its }) => [name, its])).toEqual([
      ['policy', 'POLICY_INVALID'],
      ['socket', 'SOCKET_OCCUPIED'],
      ['http', 'HTTP_PORT_TAKEN'],
      ['codex', 'CODEX_NOT_RUNNABLE'],
    ])
    expect(code).toBe(78)
  })

  test('a path that no socket can have', async () => {
    const { wrong } = await check({ TANDEM_RUNTIME_DIR: join(world.root, 'x'.repeat(100)) })
    expect(wrong).toEqual(alone('socket', 'SOCKET_PATH_TOO_LONG', /TANDEM_RUNTIME_DIR/))
  })

  test('no login, with the key that lies at hand; its value is nowhere', async () => {
    rmSync(join(world.env['CODEX_HOME'] ?? '', 'config.toml'))
    const { wrong, code, report } = await check({ OPENAI_API_KEY: 'sk-very-secret' })
    expect(wrong).toEqual(alone('login', 'CODEX_NOT_LOGGED_IN', /codex login --with-api-key/))
    expect(code).toBe(1)
    expect(JSON.stringify(report)).not.toContain('very-secret')
    writeFileSync(join(world.env['CODEX_HOME'] ?? '', 'auth.json'), '{"OPENAI_API_KEY": "sk-very-secret"}')
    const after = await check()
    expect(after).toMatchObject({ code: 0, wrong: [] })
    expect(JSON.stringify(after.report)).not.toContain('very-secret')
  })

  test('a store of a newer version, and one that another program holds', async () => {
    await world.run(['up'])
    await world.run(['down'])
    expect(await check()).toMatchObject({ code: 0, wrong: [] })
    {
      using database = new DatabaseSync(world.places.storeFile)
      database.exec("insert into migrations values (999, 'later', 0)")
    }
    expect((await check()).wrong).toEqual(alone('store', 'STORE_NEWER', /install the newer/))
    using holder = new DatabaseSync(world.places.storeFile)
    holder.exec('delete from migrations where version = 999; begin immediate')
    expect((await check()).wrong).toEqual(alone('store', 'STORE_LOCKED', new RegExp(`ps -fp ${process.pid}`)))
    holder.exec('rollback')
    expect((await check()).wrong).toEqual([])
  })

  test('why the last start failed', async () => {
    config('[turns]\nmax_runing = 3\n')
    await world.run(['up'])
    config('')
    expect((await check()).wrong).toEqual(alone('last start', 'CONFIG_INVALID', /docs\/configuration\.md/))
  })
})

describe('with a daemon', () => {
  test('it answers; what it lacks in its environment is named, and a restart from a shell that has it cures it', async () => {
    codexConfig('env_key = "OWN_KEY"')
    await world.run(['up'])
    const pid = world.daemonPid()
    const missing = await check({ OWN_KEY: 'a-secret-value' })
    expect(missing.wrong).toEqual(alone('provider key', 'PROVIDER_KEY_MISSING', /this shell has it: tandem restart/))
    expect(JSON.stringify(missing.report)).not.toContain('a-secret-value')
    const { stdout } = await world.run(['restart', '--json'], { OWN_KEY: 'a-secret-value' })
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'restarted', before: { pid } })
    expect(await check()).toMatchObject({ code: 0, wrong: [] })
  })

  test('from a shell with another runtime directory each command names the socket that is used', async () => {
    await world.run(['up'])
    const elsewhere = { TANDEM_RUNTIME_DIR: join(world.root, 'elsewhere') }
    const { socketPath } = world.places
    const [up, status] = [
      await world.run(['up', '--json'], elsewhere),
      await world.run(['status', '--json'], elsewhere),
    ]
    expect(JSON.parse(up.stdout)).toMatchObject({ kind: 'already-running', socket: socketPath })
    expect(JSON.parse(status.stdout)).toMatchObject({ socket: socketPath })
    const { report } = await check(elsewhere)
    const own = join(elsewhere.TANDEM_RUNTIME_DIR, 'daemon.sock')
    expect(report.findings.find(({ name }) => name === 'socket')?.message).toBe(
      `${socketPath}, of the daemon that runs; started from this shell: ${own}`,
    )
  })

  test('one that is stopped is named with the command that lets it go on, and a restart ends it', async () => {
    await world.run(['up'])
    const pid = world.daemonPid() ?? 0
    process.kill(pid, 'SIGSTOP')
    expect((await check()).wrong).toEqual(alone('daemon', 'DAEMON_SUSPENDED', new RegExp(`kill -CONT ${pid}`)))
    expect(JSON.parse((await world.run(['restart', '--json'])).stdout)).toMatchObject({
      kind: 'restarted',
      before: { pid, was_forced: true },
    })
    expect(await check()).toMatchObject({ code: 0, wrong: [] })
  })
})

test('a file in the place of the socket of a daemon that runs: what health says, too', async () => {
  await world.run(['up'])
  const { stdout } = await world.run(['status', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({ pid: world.daemonPid() })
  rmSync(world.places.socketPath)
  writeFileSync(world.places.socketPath, '')
  const { wrong } = await check()
  expect(wrong).toEqual(alone('socket', 'SOCKET_OCCUPIED', /^move it away: mv /))
  const health = JSON.parse((await world.run(['health', '--json'])).stdout) as Health
  expect(health.parts.map(({ cure }) => cure)).toEqual([wrong[0]?.cure])
})
