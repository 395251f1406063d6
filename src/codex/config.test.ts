import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { environmentOf, eventually, openPlace, realCodex } from './harness.ts'
import {
  codexEnvironment,
  findCodex,
  parseCodexVersion,
  probeCodexVersion,
  providerEnvKeys,
  readProfile,
  readProviderEnvKeys,
  readUserConfig,
  testedRange,
} from './index.ts'
import { codexHomeOf } from './environment.ts'
import { identityOf } from './process-tree.ts'
import { refusalOf } from './refusals.ts'
import { threadConfigOf } from './thread-config.ts'
import type { CodexBinary } from './index.ts'

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error as { readonly code: unknown }).code,
  )

async function program(folder: string, name: string, text: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, name), text)
  await chmod(join(folder, name), 0o755)
  return join(folder, name)
}

describe('the program', () => {
  test('is the configured one, else the first on PATH, else our own dependency', async () => {
    await using place = await openPlace()
    const [first, second] = [join(place.home, 'a'), join(place.home, 'b')]
    await mkdir(join(first, 'codex'), { recursive: true })
    const onPath = await program(second, 'codex', '#!/bin/sh\n')
    const other = await program(second, 'codex-nightly', '#!/bin/sh\n')
    const own = await program(join(place.home, 'node_modules', '.bin'), 'codex', '#!/bin/sh\n')
    const path = `${first}::${second}`
    const packageRoot = join(place.home, 'node_modules', 'tandem')
    const found = async (options: { configured?: string; path: string }): Promise<unknown> => {
      const { path: where, source } = await findCodex({ ...options, packageRoot })
      return [source, where]
    }
    expect(await found({ path })).toEqual(['path', onPath])
    expect(await found({ path, configured: other })).toEqual(['configuration', other])
    expect(await found({ path, configured: 'codex-nightly' })).toEqual(['configuration', other])
    expect(await found({ path: first })).toEqual(['package', own])
  })

  test('that is nowhere, or configured wrongly, is an error that names what was tried and the cure', async () => {
    await using place = await openPlace()
    await program(place.work, 'codex', '#!/bin/sh\n')
    const configured = join(place.home, 'missing')
    const error = await findCodex({ path: place.work, configured }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'CODEX_NOT_FOUND', kind: 'missing', data: { tried: [configured] } })
    expect((error as { readonly hint: string }).hint).toContain('npm i -g @openai/codex')
    expect((error as { readonly message: string }).message).toBe(`no codex program found at ${configured}`)
    const path = `/a:/b:/a:/c:/d:/e:/f:${place.home}`
    await expect(findCodex({ path, packageRoot: '/nowhere' })).rejects.toMatchObject({
      code: 'CODEX_NOT_FOUND',
      message: 'no codex program found on PATH (/a, /b, /c, /d and 3 more), nor in the packages beside Tandem',
    })
  })

  test('is not taken from a folder above the package in which anybody may put one', async () => {
    await using place = await openPlace()
    await program(join(place.home, 'node_modules', '.bin'), 'codex', '#!/bin/sh\n')
    const options = { path: '/nowhere', packageRoot: join(place.home, 'node_modules', 'tandem') }
    expect((await findCodex(options)).source).toBe('package')
    await chmod(place.home, 0o1777)
    expect(await codeOf(findCodex(options))).toBe('CODEX_NOT_FOUND')
  })

  test('of the npm package is started without its wrapper, through links too', async () => {
    await using place = await openPlace()
    const own = await realCodex()
    expect([own.source, own.executable.endsWith('/bin/codex')]).toEqual(['package', true])
    expect(own.executable).toContain('/vendor/')
    await symlink(own.path, join(place.work, 'codex'))
    expect((await findCodex({ path: place.work })).executable).toBe(own.executable)
  })
})

describe('the version', () => {
  const env = { PATH: '/usr/bin:/bin' }

  test('of the real one is the tested one', async () => {
    await using place = await openPlace()
    // It makes its home when it is not there.
    const version = await probeCodexVersion(await realCodex(), { timeoutMs: 10_000, env: environmentOf(place) })
    expect(version).toEqual({ text: '0.169.0', major: 0, minor: 169, patch: 0, isTested: true })
    expect(testedRange).toEqual({ from: '0.169.0', to: '0.169.x' })
  })

  test('outside of the tested range is told, not refused', () => {
    expect(parseCodexVersion('codex-cli 0.170.0-alpha.3')).toMatchObject({ text: '0.170.0-alpha.3', isTested: false })
    expect(parseCodexVersion('codex-cli 1.169.0')).toMatchObject({ isTested: false })
    expect(parseCodexVersion('hello')).toBeNull()
  })

  test('of a program that is too old, or none, is an error', async () => {
    await using place = await openPlace()
    const scripts: readonly (readonly [string, unknown])[] = [
      ['[ "$1" = --version ] && echo codex-cli 0.20.0 || exit 2', 'CODEX_TOO_OLD'],
      ['echo codex-cli 0.153.9', 'CODEX_TOO_OLD'],
      ['echo codex-cli 0.155.0', 'done'],
      ['echo something else', 'CODEX_NOT_RUNNABLE'],
      ['exit 1', 'CODEX_NOT_RUNNABLE'],
      ['exec sleep 600', 'CODEX_NOT_RUNNABLE'],
    ]
    for (const [text, code] of scripts) {
      const path = await program(place.work, 'codex', `#!/bin/sh\n${text}\n`)
      const binary: CodexBinary = { path, executable: path, source: 'path' }
      expect([text, await codeOf(probeCodexVersion(binary, { timeoutMs: 300, env }))]).toEqual([text, code])
    }
  })

  test('of a program that hangs leaves no process, whether time is up or nobody wants to know any more', async () => {
    await using place = await openPlace()
    const pids = join(place.home, 'pids')
    const text = `sleep 600 &\necho "$$ $!" > ${pids}.new\nmv ${pids}.new ${pids}\nwait`
    const path = await program(place.work, 'codex', `#!/bin/sh\n${text}\n`)
    const binary: CodexBinary = { path, executable: path, source: 'path' }
    const bothOver = async (): Promise<void> => {
      const [shell = 0, sleeper = 0] = (await readFile(pids, 'utf8')).split(' ').map(Number)
      expect(shell).toBeGreaterThan(1)
      await eventually('both are gone', () => identityOf(shell) === null && identityOf(sleeper) === null)
      await rm(pids)
    }
    expect(await codeOf(probeCodexVersion(binary, { timeoutMs: 3000, env }))).toBe('CODEX_NOT_RUNNABLE')
    await bothOver()
    const leaving = new AbortController()
    const asked = codeOf(probeCodexVersion(binary, { timeoutMs: 60_000, env, signal: leaving.signal }))
    await eventually('it runs', () => existsSync(pids))
    leaving.abort()
    expect(await asked).toBe('CANCELLED')
    await bothOver()
  })
})

describe('the environment', () => {
  test('holds what Codex needs and nothing else', () => {
    const inherited = {
      PATH: '/bin',
      HOME: '/home/me',
      LC_ALL: 'C.UTF-8',
      XDG_RUNTIME_DIR: '/run/user/1',
      HTTPS_PROXY: 'http://proxy',
      OPENAI_API_KEY: 'key',
      TEAM_KEY: 'team',
      EXTRA: 'more',
      GITHUB_TOKEN: 'not for codex',
      CLAUDE_CODE_SESSION_ID: 'not for codex',
      NODE_OPTIONS: '--inspect',
      UNSET: undefined,
    }
    expect(
      Object.keys(codexEnvironment(inherited, { providerEnvKeys: ['TEAM_KEY', 'UNSET'], pass: ['EXTRA'] })),
    ).toEqual(['PATH', 'HOME', 'LC_ALL', 'XDG_RUNTIME_DIR', 'HTTPS_PROXY', 'OPENAI_API_KEY', 'TEAM_KEY', 'EXTRA'])
  })

  test('says where Codex has its files', () => {
    expect(codexHomeOf({ HOME: '/users/me', CODEX_HOME: '/codex' })).toBe('/codex')
    expect(codexHomeOf({ HOME: '/users/me', CODEX_HOME: '' })).toBe('/users/me/.codex')
    expect(codexHomeOf({ HOME: '/users/me' })).toBe('/users/me/.codex')
  })
})

describe("the user's configuration", () => {
  const providers = `
[model_providers.one]
env_key = "ONE_KEY"
[model_providers.two]
env_http_headers = { "x-a" = "TWO_HEADER", "x-b" = "ONE_KEY" }
`

  test('is read, may be missing, and is an error when it is not TOML or not of its shape', async () => {
    await using place = await openPlace()
    expect(await readUserConfig(place.codexHome)).toEqual({})
    const file = join(place.codexHome, 'config.toml')
    await writeFile(file, `model = "m"\n${providers}`)
    const config = await readUserConfig(place.codexHome)
    expect(config['model']).toBe('m')
    expect(providerEnvKeys(config)).toEqual(['ONE_KEY', 'TWO_HEADER'])
    for (const text of ['a = = b', 'mcp_servers = 3']) {
      await writeFile(file, text)
      expect(await codeOf(readUserConfig(place.codexHome))).toBe('CODEX_CONFIG_INVALID')
    }
  })

  test('a profile is the file beside it; missing, not valid, or a path are errors', async () => {
    await using place = await openPlace()
    await writeFile(join(place.codexHome, 'fast.config.toml'), 'model = "m"\nmodel_reasoning_effort = "low"\n')
    expect(await readProfile(place.codexHome, 'fast')).toEqual({ model: 'm', model_reasoning_effort: 'low' })
    await writeFile(join(place.codexHome, 'bad.config.toml'), 'model = ')
    expect(await codeOf(readProfile(place.codexHome, 'bad'))).toBe('CODEX_PROFILE_INVALID')
    expect(await codeOf(readProfile(place.codexHome, 'none'))).toBe('CODEX_PROFILE_MISSING')
    for (const name of ['../fast', '', 'a/b', 'x'.repeat(200)])
      expect(await codeOf(readProfile(place.codexHome, name))).toBe('CODEX_PROFILE_INVALID')
  })

  test('the names of all keys are gathered, from what can be read', async () => {
    await using place = await openPlace()
    expect(await readProviderEnvKeys(join(place.home, 'nowhere'))).toEqual([])
    await writeFile(join(place.codexHome, 'config.toml'), providers)
    await writeFile(join(place.codexHome, 'p.config.toml'), '[model_providers.three]\nenv_key = "THREE"\n')
    await writeFile(join(place.codexHome, 'bad.config.toml'), '= =')
    expect(await readProviderEnvKeys(place.codexHome)).toEqual(['ONE_KEY', 'TWO_HEADER', 'THREE'])
  })
})

describe('the configuration of a thread', () => {
  test('keeps what the caller wants, and adds what makes a worker safe', () => {
    const config = threadConfigOf({
      effective: {
        mcp_servers: { 'one.dot': {}, keep: {} },
        model_providers: { p: { env_key: 'P_ACCESS' } },
        shell_environment_policy: { exclude: ['USERS'] },
      },
      wanted: {
        model: 'm',
        mcp_servers: { mine: { command: 'x' } },
        features: { multi_agent: true, web: true },
        model_providers: { q: { env_key: 'Q_ACCESS' } },
        shell_environment_policy: { inherit: 'core', exclude: ['PROFILES'] },
      },
      mcpServers: ['keep'],
      safeguards: { default_permissions: 'own' },
    })
    expect(config).toEqual({
      default_permissions: 'own',
      model: 'm',
      mcp_servers: { mine: { command: 'x', enabled: false }, 'one.dot': { enabled: false } },
      features: { multi_agent: false, web: true },
      agents: { enabled: false },
      model_providers: { q: { env_key: 'Q_ACCESS' } },
      shell_environment_policy: {
        inherit: 'core',
        ignore_default_excludes: false,
        exclude: ['CODEX_API_KEY', 'OPENAI_API_KEY', 'CODEX_ACCESS_TOKEN', 'P_ACCESS', 'Q_ACCESS', 'USERS', 'PROFILES'],
      },
    })
  })
})

describe('a refusal of Codex', () => {
  test.each([
    ['no rollout found for thread id t1', 'CODEX_THREAD_LOST'],
    ['failed to read thread: rollout at /x/rollout-1.jsonl is empty', 'CODEX_THREAD_LOST'],
    [
      'thread t1 is not materialized yet; thread/turns/list is unavailable before first user message',
      'CODEX_THREAD_LOST',
    ],
    ['thread t1 already has an active writer', 'CODEX_THREAD_HELD'],
    ['session t1 is archived. Run `codex unarchive t1` to unarchive it first.', 'CODEX_THREAD_ARCHIVED'],
    ['thread not found: t1', 'CODEX_THREAD_NOT_LOADED'],
    ['no active turn to steer', 'CODEX_NO_ACTIVE_TURN'],
    ['expected active turn id `a` but found `b`', 'CODEX_WRONG_TURN'],
    ['failed to load configuration: Model provider `nope` not found', 'CODEX_CONFIG_INVALID'],
    ['something that a later version says', 'CODEX_REQUEST_FAILED'],
  ])('"%s" is %s', (message, code) => {
    const error = refusalOf('thread/resume', { threadId: 't1' }, { code: -32600, message })
    expect(error.code).toBe(code)
    expect(error.message).toMatch(/^[^A-Z].*[^.]$/)
    expect(error.hint).toBeTruthy()
  })
})
