import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { policySchema } from '#contracts'
import type { Caller, PolicyInput, Sandbox } from '#contracts'
import { createPolicyGuard } from './policy-guard.ts'
import type { PolicyGuard } from './policy-guard.ts'

interface Ground extends Disposable {
  readonly at: (path: string) => string
  guard(policy: PolicyInput, file?: string): PolicyGuard
}

/** A home with directories; `config/policy.toml` in it is the policy's place unless a test says otherwise. */
function openGround(...directories: readonly string[]): Ground {
  const home = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-policy-')))
  const at = (path: string): string => join(home, path)
  for (const each of ['config', ...directories]) mkdirSync(at(each), { recursive: true })
  return {
    at,
    guard: (policy, file = at('config/policy.toml')) =>
      createPolicyGuard({
        source: { read: async () => ({ policy: policySchema.parse(policy), file, realFiles: [file] }) },
        homeDir: home,
      }),
    [Symbol.dispose]: () => rmSync(home, { recursive: true, force: true }),
  }
}

const claude = (project: string): Caller => ({ door: 'mcp', claude_session_id: 's', project_dir: project })
const person = (cwd: string): Caller => ({ door: 'cli', project_dir: cwd })
const program: Caller = { door: 'socket' }

async function codeOf(guard: PolicyGuard, cd: string, caller: Caller, sandbox: Sandbox = 'read-only'): Promise<string> {
  const { error } = await guard.judge({ cd, sandbox, caller })
  return error?.code ?? 'allowed'
}

const allowed = 'allowed'
const directoryDenied = 'POLICY_DENIED_DIRECTORY'
const sandboxDenied = 'POLICY_DENIED_SANDBOX'

describe('without a policy', () => {
  it("a caller reads in its own directory, below it, and nowhere else; a person's command names its directory itself", async () => {
    using ground = openGround('one/sub', 'one-more', 'two')
    const guard = ground.guard({})
    const own = claude(ground.at('one'))
    expect(await codeOf(guard, ground.at('one'), own)).toBe(allowed)
    expect(await codeOf(guard, ground.at('one/sub'), own)).toBe(allowed)
    expect(await codeOf(guard, ground.at('two'), own)).toBe(directoryDenied)
    // Same beginning of the name, other directory; and the way up.
    expect(await codeOf(guard, ground.at('one-more'), own)).toBe(directoryDenied)
    expect(await codeOf(guard, ground.at('.'), own)).toBe(directoryDenied)
    expect(await codeOf(guard, ground.at('two'), person(ground.at('one')))).toBe(allowed)
    expect(await codeOf(guard, ground.at('two'), program)).toBe(allowed)
  })

  it('an agent behind MCP that names no project has none', async () => {
    using ground = openGround('one', 'two')
    const agent: Caller = { door: 'mcp' }
    expect(await codeOf(ground.guard({}), ground.at('one'), agent)).toBe(directoryDenied)
    const guard = ground.guard({ directories: { allow: ['~/two'] } })
    expect([await codeOf(guard, ground.at('one'), agent), await codeOf(guard, ground.at('two'), agent)]).toEqual([
      directoryDenied,
      allowed,
    ])
  })

  it('a command in the shell of Claude Code is no command of a person', async () => {
    using ground = openGround('one', 'two')
    const caller: Caller = { ...person(ground.at('one')), claude_session_id: 's' }
    expect(await codeOf(ground.guard({}), ground.at('two'), caller)).toBe(directoryDenied)
  })

  it('a project that is a link counts as where it leads to, and one that is not there as none', async () => {
    using ground = openGround('one', 'two')
    symlinkSync(ground.at('two'), ground.at('link'))
    const guard = ground.guard({})
    expect(await codeOf(guard, ground.at('two'), claude(ground.at('one/../link')))).toBe(allowed)
    expect(await codeOf(guard, ground.at('one'), claude(ground.at('gone')))).toBe(directoryDenied)
    expect(await codeOf(guard, ground.at('one'), claude('.'))).toBe(directoryDenied)
  })

  it.each(['workspace-write', 'danger-full-access'] as const)(
    '%s is refused, with a command that allows it',
    async sandbox => {
      using ground = openGround('one')
      const { error, rule } = await ground.guard({}).judge({ cd: ground.at('one'), sandbox, caller: program })
      expect(error).toMatchObject({ code: sandboxDenied, kind: 'denied' })
      expect(error?.hint).toBe(
        `a person can allow it there (without --directory everywhere): tandem policy allow --sandbox ${sandbox} --directory ${ground.at('one')}`,
      )
      expect(rule).toBe('max_sandbox = "read-only"')
    },
  )

  it('the cure for a directory can be pasted', async () => {
    using ground = openGround('one', "it's here")
    const verdict = await ground.guard({}).judge({
      cd: ground.at("it's here"),
      sandbox: 'read-only',
      caller: claude(ground.at('one')),
    })
    const quoted = `'${ground.at("it'\\''s here")}'`
    expect(verdict.error?.hint).toBe(`a person can allow it: tandem policy allow --directory ${quoted}`)
  })
})

describe('directories of a policy', () => {
  it('allows what is below, through links, and denies also the own one; the inner entry wins', async () => {
    using ground = openGround('one', 'work/site/secret/open', 'work/other')
    symlinkSync(ground.at('work/site'), ground.at('site'))
    const guard = ground.guard({
      directories: { allow: ['~/site', '~/work/site/secret/open', '~/gone'], deny: ['~/work/site/secret', '~/gone'] },
    })
    const caller = claude(ground.at('one'))
    expect(await codeOf(guard, ground.at('work/site'), caller)).toBe(allowed)
    expect(await codeOf(guard, ground.at('work/other'), caller)).toBe(directoryDenied)
    expect(await codeOf(guard, ground.at('work/site/secret'), caller)).toBe(directoryDenied)
    expect(await codeOf(guard, ground.at('work/site/secret/open'), caller)).toBe(allowed)
    const own = person(ground.at('work/site/secret'))
    expect(await codeOf(guard, ground.at('work/site/secret'), own)).toBe(directoryDenied)
  })

  it('what an entry above denies a command allows; what one of its own denies has to be taken out', async () => {
    using ground = openGround('work/secret/open')
    const guard = ground.guard({ directories: { deny: ['~/work/secret'] } })
    const hintIn = async (cd: string) =>
      (await guard.judge({ cd, sandbox: 'read-only', caller: person(cd) })).error?.hint
    const [outer, inner] = [ground.at('work/secret'), ground.at('work/secret/open')]
    expect(await hintIn(inner)).toBe(`a person can allow it: tandem policy allow --directory ${inner}`)
    const widened = ground.guard({ directories: { deny: ['~/work/secret'], allow: [inner] } })
    expect(await codeOf(widened, inner, person(inner))).toBe(allowed)
    expect(await hintIn(outer)).toMatch(/^a person can allow it: take ~\/work\/secret out of directories\.deny in /)
  })

  it('an entry that cannot be followed makes the policy invalid', async () => {
    using ground = openGround('one')
    symlinkSync(ground.at('loop'), ground.at('loop'))
    const guard = ground.guard({ directories: { deny: ['~/loop'] } })
    await expect(guard.admit({ cd: ground.at('one'), sandbox: 'read-only', caller: program })).rejects.toMatchObject({
      code: 'POLICY_INVALID',
      message: expect.stringContaining('directories.deny: ~/loop cannot be followed'),
    })
  })
})

describe('rules for directories', () => {
  const rules: PolicyInput = {
    max_sandbox: 'workspace-write',
    rules: [
      { directory: '~/a', max_sandbox: 'read-only', network: true },
      { directory: '~/a/b', max_sandbox: 'danger-full-access' },
    ],
  }

  it('the innermost that says something counts, member by member', async () => {
    using ground = openGround('a/b/c', 'd')
    const guard = ground.guard(rules)
    expect(await codeOf(guard, ground.at('d'), program, 'workspace-write')).toBe(allowed)
    expect(await codeOf(guard, ground.at('a'), program, 'workspace-write')).toBe(sandboxDenied)
    expect(await codeOf(guard, ground.at('a/b/c'), program, 'danger-full-access')).toBe(allowed)
    const { limits } = await guard.view({ cd: ground.at('a/b/c'), caller: program })
    expect(limits.network).toMatchObject({ value: true, rule: 'rules: ~/a network = true' })
  })

  it('who may write in a directory must not write into a narrower one below it', async () => {
    using ground = openGround('a/b', 'x/denied')
    const guard = ground.guard({ ...rules, directories: { deny: ['~/x/denied'] } })
    expect(await codeOf(guard, ground.at('.'), program, 'workspace-write')).toBe(sandboxDenied)
    expect(await codeOf(guard, ground.at('x'), program, 'workspace-write')).toBe(sandboxDenied)
    expect(await codeOf(guard, ground.at('x'), program)).toBe(allowed)
  })

  it('what is allowed names each line that allows it', async () => {
    using ground = openGround('a/b')
    const guard = ground.guard({ network: true, rules: [{ directory: '~/a', max_sandbox: 'workspace-write' }] })
    const ruleFor = async (sandbox: Sandbox, needsNetwork: boolean): Promise<string> =>
      (await guard.judge({ cd: ground.at('a/b'), sandbox, caller: program, needsNetwork })).rule
    expect(await ruleFor('read-only', false)).toBe("the caller's own directory")
    expect(await ruleFor('workspace-write', false)).toBe(
      `the caller's own directory; rules: ~/a max_sandbox = "workspace-write"`,
    )
    expect(await ruleFor('workspace-write', true)).toMatch(/; rules: ~\/a max_sandbox = .*; network = true$/)
  })

  it('network comes with workspace-write where it is on, and with no sandbox at all', async () => {
    using ground = openGround('a/b')
    const guard = ground.guard({ max_sandbox: 'danger-full-access', network: true })
    const networkOf = async (sandbox: Sandbox): Promise<boolean> =>
      (await guard.admit({ cd: ground.at('a'), sandbox, caller: program })).network
    expect(await networkOf('read-only')).toBe(false)
    expect(await networkOf('workspace-write')).toBe(true)
    const closed = ground.guard({ max_sandbox: 'danger-full-access' })
    const asked = { cd: ground.at('a'), caller: program, needsNetwork: true }
    expect((await closed.judge({ ...asked, sandbox: 'danger-full-access' })).error).toBeUndefined()
    expect((await closed.judge({ ...asked, sandbox: 'workspace-write' })).error).toMatchObject({
      code: 'POLICY_DENIED_NETWORK',
      hint: expect.stringMatching(/: tandem policy allow --network on --directory \/.*\/a$/),
    })
  })
})

describe('without a directory', () => {
  it('what holds in general is shown, and the file counts', async () => {
    using ground = openGround('a')
    const view = await ground
      .guard({ max_sandbox: 'workspace-write', rules: [{ directory: '/', max_sandbox: 'read-only' }] })
      .view({ cd: undefined, caller: program })
    expect(view).toMatchObject({ state: 'file', limits: { maxSandbox: { value: 'workspace-write' } } })
  })
})

describe('a policy that lies where the turn works', () => {
  const wide: PolicyInput = { max_sandbox: 'danger-full-access', directories: { allow: ['/'] } }

  it.each([
    ['in the directory itself', 'repo', 'repo/.tandem/policy.toml'],
    ['in the repository around it', 'repo/src', 'repo/.tandem/policy.toml'],
  ])('does not count: %s', async (_, cd, file) => {
    using ground = openGround('repo/.git', 'repo/src', 'repo/.tandem', 'elsewhere')
    const guard = ground.guard(wide, ground.at(file))
    expect(await codeOf(guard, ground.at(cd), program, 'workspace-write')).toBe(sandboxDenied)
    expect(await codeOf(guard, ground.at(cd), program)).toBe(allowed)
    expect(await guard.view({ cd: ground.at(cd), caller: program })).toMatchObject({
      state: 'ignored',
      detail: expect.stringContaining(ground.at('repo')),
    })
    expect(await codeOf(guard, ground.at('elsewhere'), program, 'workspace-write')).toBe(allowed)
  })

  it('counts for other repositories in a home that is one itself', async () => {
    using ground = openGround('.git', 'work/plain', 'work/repo')
    writeFileSync(ground.at('work/repo/.git'), 'gitdir: elsewhere\n')
    const guard = ground.guard(wide)
    expect(await codeOf(guard, ground.at('work/repo'), program, 'workspace-write')).toBe(allowed)
    expect(await codeOf(guard, ground.at('work/plain'), program, 'workspace-write')).toBe(allowed)
    // There it could be written.
    expect(await codeOf(guard, ground.at('.'), program, 'workspace-write')).toBe(sandboxDenied)
  })
})

describe('commands of a policy', () => {
  const judgeCommand = async (policy: PolicyInput, command: string) => {
    using ground = openGround('one')
    return ground.guard(policy).judge({ cd: ground.at('one'), sandbox: 'read-only', caller: program, command })
  }

  it('a text is its words, a list has one word in each place; what denies it is named, with what a person can do', async () => {
    const policy: PolicyInput = { commands: { deny: [' git  push ', ['say', 'good bye']] } }
    const { error, rule, deniedCommands } = await judgeCommand(policy, 'cd x && git push')
    expect(error).toMatchObject({
      code: 'POLICY_DENIED_COMMAND',
      kind: 'denied',
      data: { command: 'cd x && git push', words: ['git', 'push'] },
      hint: expect.stringMatching(/^a person can allow it: take "git push" out of commands\.deny in .*policy\.toml$/),
    })
    expect(rule).toBe('commands.deny: git push')
    expect(deniedCommands).toEqual([
      ['git', 'push'],
      ['say', 'good bye'],
    ])
    expect((await judgeCommand(policy, 'say "good bye"')).error?.code).toBe('POLICY_DENIED_COMMAND')
    expect((await judgeCommand(policy, 'say good')).error).toBeUndefined()
    expect((await judgeCommand(policy, '$x push # git')).error?.message).toContain('it cannot be made out')
  })

  it('what is refused for another reason is refused for that', async () => {
    using ground = openGround('one')
    const guard = ground.guard({ commands: { deny: ['ls'] } })
    const asked = { cd: ground.at('one'), sandbox: 'workspace-write', caller: program, command: 'ls' } as const
    expect((await guard.judge(asked)).error?.code).toBe(sandboxDenied)
  })

  it('what a file denies that lies where the turn works is denied: that widens nothing', async () => {
    using ground = openGround('repo/.git', 'repo/.tandem')
    const policy: PolicyInput = { max_sandbox: 'danger-full-access', commands: { deny: ['ls'] } }
    const guard = ground.guard(policy, ground.at('repo/.tandem/policy.toml'))
    const asked = { cd: ground.at('repo'), sandbox: 'read-only', caller: program } as const
    expect((await guard.view(asked)).state).toBe('ignored')
    expect((await guard.admit(asked)).deniedCommands).toEqual([['ls']])
  })
})
