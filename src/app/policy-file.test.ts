import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { placesOf } from '#contracts'
import type { PolicyGrant } from '#cli'
import { allowPolicy } from './allow-policy.ts'
import type { Environment } from './environment.ts'
import { createPolicySource } from './read-policy.ts'

interface Folder extends Disposable {
  readonly at: (path: string) => string
  readonly file: string
  write(text: string): void
}

function openFolder(): Folder {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-policy-file-')))
  const file = join(path, 'tandem', 'policy.toml')
  mkdirSync(join(path, 'tandem'), { mode: 0o700 })
  return {
    at: name => join(path, name),
    file,
    write: text => writeFileSync(file, text, { mode: 0o600 }),
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  }
}

const invalid = (problem: string) =>
  expect.objectContaining({ code: 'POLICY_INVALID', message: expect.stringContaining(problem) })

describe('the policy file', () => {
  it('need not be there: then the defaults hold', async () => {
    using folder = openFolder()
    const state = await createPolicySource(folder.at('nowhere/policy.toml')).read()
    expect(state).toMatchObject({ policy: { max_sandbox: 'read-only', network: false }, realFiles: [] })
  })

  it('is read again when it has changed, also to one of the same size', async () => {
    using folder = openFolder()
    folder.write('network = true \n')
    const source = createPolicySource(folder.file)
    expect((await source.read()).policy.network).toBe(true)
    const before = statSync(folder.file)
    folder.write('network = false\n')
    utimesSync(folder.file, before.atime, before.mtime)
    expect((await source.read()).policy.network).toBe(false)
    rmSync(folder.file)
    expect((await source.read()).realFiles).toEqual([])
  })

  it.each([
    ['max_sandbx = "read-only"', 'unknown member max_sandbx'],
    ['max_sandbox = "everything"', 'max_sandbox: must be one of read-only'],
    ['[directories]\nallow = ["work"]', 'directories.allow.0: must be an absolute path, or begin with ~/'],
    ['[[rules]]\nmax_sandbox = "read-only"', 'rules.0.directory: is missing'],
    ['[commands]\nallow = ["rm"]', 'commands: unknown member allow'],
    ['[commands]\ndeny = [" "]', 'commands.deny.0'],
    ['[commands]\ndeny = [[]]', 'commands.deny.0'],
    ['network = ', 'line 1'],
    [`# ${'x'.repeat(256 * 1024)}`, 'it may have 262144'],
  ])('is refused with the member that is wrong: %.40s', async (text, problem) => {
    using folder = openFolder()
    folder.write(text)
    await expect(createPolicySource(folder.file).read()).rejects.toEqual(invalid(problem))
  })

  it('may say what docs/policy.md shows', async () => {
    using folder = openFolder()
    const page = readFileSync(join(import.meta.dirname, '../../docs/policy.md'), 'utf8')
    folder.write(/```toml\n([\s\S]+?)```/.exec(page)?.[1] ?? 'no example')
    const { policy } = await createPolicySource(folder.file).read()
    expect(policy.rules.map(rule => rule.directory)).toEqual(['~/code/site', '~/code/site/deploy'])
    expect(policy.directories.deny).toEqual(['~/code/customers'])
  })

  it('is valid again as soon as it is mended', async () => {
    using folder = openFolder()
    folder.write('nonsense')
    const source = createPolicySource(folder.file)
    await expect(source.read()).rejects.toEqual(invalid('line 1'))
    folder.write('network = true')
    expect((await source.read()).policy.network).toBe(true)
  })

  it.each([
    ['the file', (folder: Folder) => chmodSync(folder.file, 0o620), 'others may write'],
    ['its directory', (folder: Folder) => chmodSync(folder.at('tandem'), 0o777), 'others may write'],
    ['a directory in its place', (folder: Folder) => (rmSync(folder.file), mkdirSync(folder.file)), 'is not a file'],
    ['a link to nowhere', (folder: Folder) => (rmSync(folder.file), symlinkSync('gone', folder.file)), 'ENOENT'],
    ['a loop', (folder: Folder) => (rmSync(folder.file), symlinkSync('policy.toml', folder.file)), 'ELOOP'],
  ])('is refused when it cannot be relied on: %s', async (_, spoil, problem) => {
    using folder = openFolder()
    folder.write('')
    spoil(folder)
    await expect(createPolicySource(folder.file).read()).rejects.toEqual(invalid(problem))
  })

  it('that others may write has the command that cures it', async () => {
    using folder = openFolder()
    folder.write('')
    chmodSync(folder.file, 0o666)
    await expect(createPolicySource(folder.file).read()).rejects.toMatchObject({
      code: 'POLICY_INVALID',
      message: `${folder.file}: others may write ${folder.file}; no new turn is taken, what runs goes on`,
      hint: `run: chmod go-w ${folder.file}`,
    })
  })

  it('of somebody else is refused', async context => {
    if (process.getuid?.() !== 0) return context.skip()
    using folder = openFolder()
    folder.write('')
    chownSync(folder.file, 1234, 1234)
    // Root trusts root's files; to root a file of a user is a stranger's.
    await expect(createPolicySource(folder.file).read()).rejects.toEqual(invalid('belongs to user 1234'))
  })

  it('may be a link: the place of both is told, so that neither may lie where a turn works', async () => {
    using folder = openFolder()
    mkdirSync(folder.at('dotfiles'), { mode: 0o700 })
    writeFileSync(folder.at('dotfiles/policy.toml'), 'network = true', { mode: 0o600 })
    symlinkSync(folder.at('dotfiles/policy.toml'), folder.file)
    const { policy, realFiles } = await createPolicySource(folder.file).read()
    expect([policy.network, realFiles]).toEqual([true, [folder.file, folder.at('dotfiles/policy.toml')]])
  })

  it.each([
    [
      'a directory on the way is a link',
      (at: Folder['at']) => symlinkSync(at('store'), at('repo/current')),
      'repo/current',
    ],
    [
      'a link leads to a link',
      (at: Folder['at']) => (
        mkdirSync(at('repo/current')),
        symlinkSync('../../store/policy.toml', at('repo/current/policy.toml'))
      ),
      'repo/current/policy.toml',
    ],
  ])('each turn of the way to it is told, so that none may lie where a turn works: %s', async (_, link, turn) => {
    using folder = openFolder()
    for (const name of ['store', 'repo']) mkdirSync(folder.at(name), { mode: 0o700 })
    writeFileSync(folder.at('store/policy.toml'), 'network = true', { mode: 0o600 })
    link(folder.at)
    symlinkSync('../repo/current/policy.toml', folder.file)
    const { policy, realFiles } = await createPolicySource(folder.file).read()
    expect(policy.network).toBe(true)
    expect(realFiles).toEqual(expect.arrayContaining([folder.file, folder.at(turn), folder.at('store/policy.toml')]))
    // Somebody else could turn it, then.
    chmodSync(dirname(folder.at(turn)), 0o777)
    await expect(createPolicySource(folder.file).read()).rejects.toEqual(invalid('others may write'))
  })

  it('a directory that its way leaves again counts, too: it could become a link', async () => {
    using folder = openFolder()
    mkdirSync(folder.at('repo/sub'), { recursive: true, mode: 0o700 })
    writeFileSync(folder.at('policy.toml'), '', { mode: 0o600 })
    symlinkSync('../repo/sub/../../policy.toml', folder.file)
    const { realFiles } = await createPolicySource(folder.file).read()
    expect(realFiles).toEqual(expect.arrayContaining([folder.at('repo/sub'), folder.at('policy.toml')]))
  })
})

describe('tandem policy allow', () => {
  const environmentIn = (folder: Folder, env: Readonly<Record<string, string>> = {}): Environment => ({
    env,
    places: placesOf({ TANDEM_CONFIG_DIR: folder.at('config') }, folder.at('home')),
    homeDir: folder.at('home'),
    codexHome: folder.at('codex'),
    cwd: folder.at('.'),
    version: '0.1.0',
    packageDir: folder.at('.'),
  })
  const grant: PolicyGrant = { sandbox: 'workspace-write', directories: [] }

  it('writes a private file that is then the policy', async () => {
    using folder = openFolder()
    const file = folder.at('config/policy.toml')
    expect(await allowPolicy(environmentIn(folder), grant)).toEqual({
      file,
      changes: ['max_sandbox = "workspace-write"'],
    })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect((await createPolicySource(file).read()).policy.max_sandbox).toBe('workspace-write')
    expect(await allowPolicy(environmentIn(folder), grant)).toEqual({ file, changes: [] })
  })

  it('writes through a link, and leaves it a link', async () => {
    using folder = openFolder()
    mkdirSync(folder.at('config'), { mode: 0o700 })
    symlinkSync(folder.file, folder.at('config/policy.toml'))
    folder.write('# kept\n')
    await allowPolicy(environmentIn(folder), grant)
    expect(parse(readFileSync(folder.file, 'utf8'))).toEqual({ max_sandbox: 'workspace-write' })
    expect(realpathSync(folder.at('config/policy.toml'))).toBe(folder.file)
  })

  it.each(['CLAUDECODE', 'CLAUDE_CODE_SESSION_ID', 'CODEX_THREAD_ID'])(
    'refuses in the shell of an agent: %s',
    async name => {
      using folder = openFolder()
      await expect(allowPolicy(environmentIn(folder, { [name]: '1' }), grant)).rejects.toMatchObject({
        code: 'POLICY_NOT_BY_AGENT',
      })
      expect(() => statSync(folder.at('config/policy.toml'))).toThrow('ENOENT')
    },
  )

  it('says at once that a directory of others makes the new file worth nothing', async () => {
    using folder = openFolder()
    mkdirSync(folder.at('config'))
    chmodSync(folder.at('config'), 0o770)
    await expect(allowPolicy(environmentIn(folder), grant)).rejects.toMatchObject({
      code: 'POLICY_INVALID',
      hint: expect.stringMatching(/^run: chmod go-w \/.*config$/),
    })
  })

  it('does not touch a file that cannot be relied on', async () => {
    using folder = openFolder()
    mkdirSync(folder.at('config'), { mode: 0o700 })
    const file = folder.at('config/policy.toml')
    writeFileSync(file, 'max_sandbx = 1')
    await expect(allowPolicy(environmentIn(folder), grant)).rejects.toEqual(invalid('max_sandbx'))
    expect(readFileSync(file, 'utf8')).toBe('max_sandbx = 1')
  })
})
