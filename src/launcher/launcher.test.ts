import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { placesOf } from '#contracts'
import { runLauncher } from './index.ts'
import type { LauncherDeps, Program } from './index.ts'

async function started() {
  const home = await mkdtemp(join(tmpdir(), 'tandem-launcher-'))
  const packageDir = join(home, 'package')
  const claude = join(home, 'on-path', 'claude')
  for (const dir of ['commands', 'skills/codex-collaboration', 'bin']) {
    await mkdir(join(packageDir, 'plugin', dir), { recursive: true })
  }
  await writeFile(join(packageDir, 'plugin/commands/codex-ask.md'), 'ask')
  await writeFile(join(packageDir, 'plugin/skills/codex-collaboration/SKILL.md'), 'skill')
  await writeFile(join(packageDir, 'plugin/bin/tandem-setting'), '#!/bin/sh\n')
  await mkdir(join(home, 'on-path'))
  await mkdir(join(home, 'project'))
  await writeFile(claude, '#!/bin/sh\n', { mode: 0o755 })
  const log: string[] = []
  const programs: Program[] = []
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const deps: LauncherDeps = {
    places: () => placesOf({ HOME: home }, home),
    version: '1.2.3',
    env: { PATH: join(home, 'on-path'), HOME: home, UNSET: undefined },
    packageDir,
    up: async () => log.push('up'),
    stdout,
    stderr,
    run: async program => {
      log.push('run')
      programs.push(program)
      return 0
    },
  }
  return {
    home,
    claude,
    deps,
    log,
    stateDir: deps.places().stateDir,
    launch: async (argv: readonly string[], changes: Partial<LauncherDeps> = {}) => {
      const exitCode = await runLauncher(argv, { ...deps, ...changes })
      const said = (stream: PassThrough) => String(stream.read() ?? '')
      return { exitCode, program: programs.at(-1), stdout: said(stdout), stderr: said(stderr) }
    },
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  }
}

test('starts Claude Code with our server, our tools and our directory, each flag one word, the caller’s own behind', async () => {
  await using at = await started()
  const { exitCode, program } = await at.launch(['-p', 'hello there', '--allowedTools', 'Read', 'Bash(git *)'])
  const [mcp, allowed, dir, ...own] = program?.args ?? []
  expect(exitCode).toBe(0)
  expect(at.log).toEqual(['up', 'run'])
  expect(program?.file).toBe(at.claude)
  expect(program?.cwd).toBeUndefined()
  expect(JSON.parse(mcp?.replace('--mcp-config=', '') ?? '')).toEqual({
    mcpServers: {
      tandem: {
        type: 'stdio',
        command: join(at.home, 'package/bin/tandem'),
        args: ['mcp'],
        alwaysLoad: true,
      },
    },
  })
  expect(allowed).toMatch(/^--allowedTools=mcp__tandem__codex,mcp__tandem__codex_ask,(mcp__tandem__codex_\w+,?)+$/)
  expect(dir).toMatch(/^--add-dir=.*\/claude\/1\.2\.3-[0-9a-f]{12}$/)
  expect(own).toEqual(['-p', 'hello there', '--allowedTools', 'Read', 'Bash(git *)'])
})

test('the programs of the plugin and of the package come first on PATH; the rest of the environment is as it was', async () => {
  await using at = await started()
  const { program } = await at.launch([])
  const placed = program?.args[2]?.replace('--add-dir=', '') ?? ''
  expect(program?.env).toEqual({
    HOME: at.home,
    PATH: `${placed}/bin:${join(at.home, 'package')}/bin:${join(at.home, 'on-path')}`,
  })
})

test.each([
  ['mcp list', ['mcp', 'list'], undefined],
  ['update', ['update'], undefined],
  ['--version', ['--version'], undefined],
  ['-h', ['-h'], undefined],
  ['a directory, then a subcommand', ['project', 'doctor'], 'project'],
])('what is Claude’s own goes through untouched, without a daemon: %s', async (_what, argv, directory) => {
  await using at = await started()
  const own = argv.map(word => (word === 'project' ? join(at.home, word) : word))
  const { program } = await at.launch(own)
  expect(at.log).toEqual(['run'])
  expect(program?.args).toEqual(directory === undefined ? own : own.slice(1))
  expect(program?.cwd).toBe(directory === undefined ? undefined : join(at.home, directory))
  expect(program?.env['PATH']).toBe(join(at.home, 'on-path'))
})

test('a directory in front is where Claude Code runs; any other word is its prompt', async () => {
  await using at = await started()
  const project = join(at.home, 'project')
  const inside = await at.launch([project, '-c'])
  expect([inside.program?.cwd, inside.program?.args.slice(3)]).toEqual([project, ['-c']])
  const prompt = await at.launch(['explain this', project])
  expect([prompt.program?.cwd, prompt.program?.args.slice(3)]).toEqual([undefined, ['explain this', project]])
})

test('help of our own is asked for by a word of our own', async () => {
  await using at = await started()
  const { exitCode, stdout } = await at.launch(['--tandem-help'])
  expect(exitCode).toBe(0)
  expect(stdout).toContain('claude-codex [directory] [any arguments of claude]')
  expect(at.log).toEqual([])
})

test('without a claude it says what to do, with the exit code of a missing command, and starts no daemon', async () => {
  await using at = await started()
  const { exitCode, stderr } = await at.launch([], { env: { PATH: '/nowhere::relative' } })
  expect(exitCode).toBe(127)
  expect(stderr).toMatch(
    /^claude-codex: .*\n {2}cure: install Claude Code with `npm install.*\n {2}code: CLAUDE_NOT_FOUND\n$/,
  )
  expect(at.log).toEqual([])
})

test('a claude installed beside Tandem will do', async () => {
  await using at = await started()
  const beside = join(at.home, 'package/node_modules/.bin')
  await mkdir(beside, { recursive: true })
  await symlink(at.claude, join(beside, 'claude'))
  const { program } = await at.launch([], { env: {} })
  expect(program?.file).toBe(join(beside, 'claude'))
})

test('a daemon that does not come up is told, and Claude Code is not started', async () => {
  await using at = await started()
  const up = () => Promise.reject(new Error('no room on the disk'))
  const { exitCode, stderr } = await at.launch([], { up })
  expect(exitCode).toBe(1)
  expect(stderr).toContain('no room on the disk')
  expect(at.log).toEqual([])
})

test('what it says reaches a terminal as text alone', async () => {
  await using at = await started()
  const up = () => Promise.reject(new Error('in \x1b]0;title\x07/tmp/\x1b[31mred\n\u202e'))
  expect((await at.launch([], { up })).stderr).toMatch(/^claude-codex: in \/tmp\/red\n\n {2}cure: .*\n {2}code: BUG\n$/)
  const stateDir = join(at.home, 'st\x1b[31mate')
  const interactive = { stdout: Object.assign(new PassThrough(), { isTTY: true }) }
  const { stderr } = await at.launch([], { ...interactive, places: () => ({ ...at.deps.places(), stateDir }) })
  expect(stderr).toContain(`add a directory under ${at.home}/state/claude.`)
})

test('the copy of the plugin is private, as --add-dir wants it, and used again by the next start', async () => {
  await using at = await started()
  const { program } = await at.launch([])
  const placed = program?.args[2]?.replace('--add-dir=', '') ?? ''
  const modes = await Promise.all(
    ['', '.claude/commands/codex-ask.md', '.claude/skills/codex-collaboration/SKILL.md', 'bin/tandem-setting'].map(
      async path => ((await stat(join(placed, path))).mode & 0o777).toString(8),
    ),
  )
  expect(modes).toEqual(['700', '600', '600', '700'])
  const before = await stat(join(placed, 'bin/tandem-setting'))
  await at.launch([])
  expect((await stat(join(placed, 'bin/tandem-setting'))).ino).toBe(before.ino)
  expect(await readdir(join(at.stateDir, 'claude'))).toHaveLength(1)
})

test('a copy that was changed is made anew; another version has its own; one long unused is removed', async () => {
  await using at = await started()
  const first = (await at.launch([])).program?.args[2]?.replace('--add-dir=', '') ?? ''
  await writeFile(join(first, '.claude/commands/codex-ask.md'), 'tampered')
  await writeFile(join(first, '.claude/commands/extra.md'), 'planted')
  await at.launch([])
  expect(await readFile(join(first, '.claude/commands/codex-ask.md'), 'utf8')).toBe('ask')
  expect(await readdir(join(first, '.claude/commands'))).toEqual(['codex-ask.md'])
  await utimes(first, 0, 0)
  const second = (await at.launch([], { version: '2.0.0' })).program?.args[2]?.replace('--add-dir=', '') ?? ''
  expect(await readdir(join(at.stateDir, 'claude'))).toEqual([second.split('/').at(-1)])
})

test('many at once make one copy', async () => {
  await using at = await started()
  const all = await Promise.all(Array.from({ length: 8 }, () => at.launch([])))
  expect(all.map(({ exitCode }) => exitCode)).toEqual(all.map(() => 0))
  expect(await readdir(join(at.stateDir, 'claude'))).toHaveLength(1)
})

test('many at once that find a changed copy make one copy, too', async () => {
  await using at = await started()
  const placed = (await at.launch([])).program?.args[2]?.replace('--add-dir=', '') ?? ''
  for (let round = 0; round < 20; round += 1) {
    await writeFile(join(placed, '.claude/commands/codex-ask.md'), 'tampered')
    const all = await Promise.all(Array.from({ length: 8 }, () => at.launch([])))
    expect(all.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(all.map(() => [0, '']))
    expect(await readdir(join(at.stateDir, 'claude'))).toEqual([placed.split('/').at(-1)])
    expect(await readFile(join(placed, '.claude/commands/codex-ask.md'), 'utf8')).toBe('ask')
  }
})

test('an old copy that cannot be removed keeps nobody from starting', async () => {
  await using at = await started()
  const stale = join(at.stateDir, 'claude', '0.0.1-stale')
  const folders = (count: number): string => Array.from({ length: count }, () => 'x'.repeat(200)).join('/')
  // Deeper than a path can name (PATH_MAX), which not even root can remove by name.
  await mkdir(join(stale, folders(12)), { recursive: true, mode: 0o700 })
  await mkdir(join(at.home, 'lower', folders(12)), { recursive: true })
  await rename(join(at.home, 'lower'), join(stale, folders(12), 'lower'))
  await chmod(join(at.stateDir, 'claude'), 0o700)
  await utimes(stale, 0, 0)
  const launched = await at.launch([])
  await rename(join(stale, folders(12), 'lower'), join(at.home, 'lower'))
  expect(launched).toMatchObject({ exitCode: 0, stderr: '' })
})

test('a place that others can enter, or that is a link, is refused with the cure', async () => {
  await using at = await started()
  const parent = join(at.stateDir, 'claude')
  await mkdir(parent, { recursive: true })
  await chmod(parent, 0o755)
  const open = await at.launch([])
  expect(open).toMatchObject({ exitCode: 1, stderr: expect.stringMatching(/remove .*\n {2}code: PLUGIN_PLACE_UNSAFE/) })
  await rm(parent, { recursive: true })
  await symlink(at.home, parent)
  expect((await at.launch([])).stderr).toContain('is not a directory')
})

test('an installation without the plugin says so', async () => {
  await using at = await started()
  await rm(join(at.home, 'package/plugin'), { recursive: true })
  expect((await at.launch([])).stderr).toContain('PLUGIN_MISSING')
})

test('a person is told what Claude Code is about to ask, until they have answered it for good', async () => {
  await using at = await started()
  const parent = join(at.stateDir, 'claude')
  const interactive = { stdout: Object.assign(new PassThrough(), { isTTY: true }) }
  expect((await at.launch([], interactive)).stderr).toContain(`add a directory under ${parent}`)
  expect((await at.launch(['-p', 'hello'], interactive)).stderr).toBe('')
  const answered = (projects: unknown) => writeFile(join(at.home, '.claude.json'), JSON.stringify({ projects }))
  await answered({ [parent]: { hasTrustDialogAccepted: false }, [`${parent}x`]: { hasTrustDialogAccepted: true } })
  expect((await at.launch([], interactive)).stderr).toContain('--tandem-trust')
  await answered({ [parent]: { hasTrustDialogAccepted: true } })
  expect((await at.launch([], interactive)).stderr).toBe('')
  await writeFile(join(at.home, '.claude.json'), 'not json')
  expect((await at.launch([], interactive)).stderr).toContain('--tandem-trust')
})

test('--tandem-trust is Claude Code in our directory, without anything of ours, so that it asks about it', async () => {
  await using at = await started()
  const { program } = await at.launch(['--tandem-trust'])
  expect(at.log).toEqual(['run'])
  expect(program).toMatchObject({ file: at.claude, args: [], cwd: join(at.stateDir, 'claude') })
})
