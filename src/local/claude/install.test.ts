import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '#kernel'
import { installIntoClaude, removeFromClaude } from './install.ts'
import type { ClaudeScope } from '#contracts'
import type { ClaudeDeps } from './install.ts'

let root = ''
let deps: ClaudeDeps

const own = { scope: 'user', isForced: false, isDryRun: false } as const
const claudeJson = '{\n  "numStartups": 7,\n  "mcpServers": { "mine": {"command": "x"} },\n  "projects": {}\n}'

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'tandem-install-'))
  const packageDir = join(root, 'package')
  await cp(resolve(import.meta.dirname, '../../../plugin'), join(packageDir, 'plugin'), { recursive: true })
  await mkdir(join(root, 'home/project'), { recursive: true })
  deps = {
    homeDir: join(root, 'home'),
    claudeDir: undefined,
    cwd: join(root, 'home/project'),
    packageDir,
    configDir: join(root, 'home/.config/tandem'),
    version: '0.1.0',
    clock: systemClock,
  }
})
afterEach(() => rm(root, { recursive: true, force: true }))

const at = (path: string): string => join(root, 'home', path)
const put = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(at(path)), { recursive: true })
  await writeFile(at(path), text)
}
const read = (path: string): Promise<string> => readFile(at(path), 'utf8')
const remove = (scope: ClaudeScope = 'user') => removeFromClaude(deps, { scope, isDryRun: false })

/** Every file, link and directory of the home with its mode and content. */
async function snapshot(): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(at(''), { recursive: true, withFileTypes: true })
  const facts = await Promise.all(
    entries.map(async entry => {
      const path = join(entry.parentPath, entry.name)
      const { mode } = await lstat(path)
      const content = entry.isSymbolicLink() ? await readlink(path) : entry.isFile() ? await readFile(path, 'utf8') : ''
      return [relative(root, path), `${mode.toString(8)} ${content}`] as const
    }),
  )
  return Object.fromEntries(facts.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

async function furnish(): Promise<void> {
  await put('.claude.json', claudeJson)
  await chmod(at('.claude.json'), 0o640)
  await put('.claude/settings.json', '{"model":"opus"}')
  await put('.claude/commands/mine.md', 'mine')
}

test.each<ClaudeScope>(['user', 'project', 'local'])(
  '%s: installed twice and removed, the home is as it was',
  async scope => {
    await furnish()
    const before = await snapshot()
    await installIntoClaude(deps, { ...own, scope })
    const once = await snapshot()
    const again = await installIntoClaude(deps, { ...own, scope })
    expect(await snapshot()).toEqual(once)
    expect(again.changes.map(({ action }) => action)).toEqual(again.changes.map(() => 'unchanged'))
    expect(once).not.toEqual(before)
    await remove(scope)
    expect(await snapshot()).toEqual(before)
  },
)

test('of an empty home nothing stays, and a dry run leaves nothing', async () => {
  const before = await snapshot()
  const planned = await installIntoClaude(deps, { ...own, isDryRun: true })
  expect(await snapshot()).toEqual(before)
  const done = await installIntoClaude(deps, own)
  expect(done.changes).toEqual(planned.changes)
  expect(JSON.parse(await read('.claude.json'))).toEqual({
    mcpServers: {
      tandem: { type: 'stdio', command: join(deps.packageDir, 'bin/tandem'), args: ['mcp'], alwaysLoad: true },
    },
  })
  const there = await snapshot()
  await removeFromClaude(deps, { scope: 'user', isDryRun: true })
  expect(await snapshot()).toEqual(there)
  await remove()
  expect(await snapshot()).toEqual(before)
  expect((await remove()).notes[0]).toContain('nothing of Tandem is installed')
})

test('the commands run the programs of this installation, whatever PATH is', async () => {
  await installIntoClaude(deps, own)
  const helper = join(deps.packageDir, 'plugin/bin/tandem-setting')
  expect(await read('.claude/commands/codex-config.md')).toContain(`allowed-tools: Bash(${helper}:*)`)
  expect(await read('.claude/commands/codex-config.md')).toContain(`\n${helper} effort <<`)
})

test('what Claude Code writes into its file between stays, our server goes', async () => {
  await furnish()
  await installIntoClaude(deps, own)
  const state = JSON.parse(await read('.claude.json')) as Record<string, unknown>
  await put('.claude.json', JSON.stringify({ ...state, numStartups: 8 }, null, 2))
  // An upgrade in between keeps to that.
  deps = { ...deps, packageDir: join(root, 'newer') }
  await cp(join(root, 'package'), deps.packageDir, { recursive: true })
  expect((await installIntoClaude(deps, own)).changes[0]).toMatchObject({ action: 'updated' })
  expect(await read('.claude.json')).toContain('newer/bin/tandem')
  await remove()
  expect(JSON.parse(await read('.claude.json'))).toEqual({ ...JSON.parse(claudeJson), numStartups: 8 })
})

test('files of the user in the way stop all of it; forced, they come back', async () => {
  await furnish()
  await put('.claude/commands/codex-ask.md', 'my own')
  await put('.claude.json', '{"mcpServers": {"tandem": {"command": "mine"}}}')
  const before = await snapshot()
  await expect(installIntoClaude(deps, own)).rejects.toMatchObject({
    code: 'CLAUDE_FILES_IN_THE_WAY',
    data: { targets: [at('.claude/commands/codex-ask.md'), `${at('.claude.json')}: mcpServers.tandem`] },
  })
  expect(await snapshot()).toEqual(before)
  await installIntoClaude(deps, { ...own, isForced: true })
  expect(await read('.claude/commands/codex-ask.md')).not.toBe('my own')
  await remove()
  expect(await snapshot()).toEqual(before)
})

test('a link at a command’s place is never replaced', async () => {
  await put('dotfiles/ask.md', 'mine')
  await mkdir(at('.claude/commands'), { recursive: true })
  await symlink(at('dotfiles/ask.md'), at('.claude/commands/codex-ask.md'))
  await expect(installIntoClaude(deps, { ...own, isForced: true })).rejects.toMatchObject({
    code: 'CLAUDE_FILES_IN_THE_WAY',
  })
})

test('a file that the user changed since is kept by an update and by the removal, and named', async () => {
  await installIntoClaude(deps, own)
  await put('.claude/commands/codex-ask.md', 'edited')
  const updated = await installIntoClaude(deps, own)
  expect(updated.changes.filter(({ action }) => action === 'kept')).toMatchObject([
    { target: at('.claude/commands/codex-ask.md') },
  ])
  const state = JSON.parse(await read('.claude.json')) as { mcpServers: { tandem: object } }
  await put('.claude.json', JSON.stringify({ mcpServers: { tandem: { ...state.mcpServers.tandem, args: ['mine'] } } }))
  const removed = await remove()
  expect(removed.changes.filter(({ action }) => action === 'kept')).toHaveLength(2)
  expect(await read('.claude/commands/codex-ask.md')).toBe('edited')
  expect(await read('.claude.json')).toContain('mine')
})

test('an upgrade changes what changed, adds what is new, and takes out what is no longer shipped', async () => {
  await furnish()
  const before = await snapshot()
  await installIntoClaude(deps, own)
  const plugin = join(deps.packageDir, 'plugin')
  await writeFile(join(plugin, 'commands/codex-ask.md'), 'newer')
  await writeFile(join(plugin, 'commands/codex-new.md'), 'new')
  await rm(join(plugin, 'commands/codex-status.md'))
  const { changes } = await installIntoClaude({ ...deps, version: '0.2.0' }, own)
  const byName = Object.fromEntries(
    changes.map(({ target, action }) => [relative(at('.claude/commands'), target), action]),
  )
  expect(byName).toMatchObject({ 'codex-ask.md': 'updated', 'codex-new.md': 'added', 'codex-status.md': 'removed' })
  await remove()
  expect(await snapshot()).toEqual(before)
})

test.each([
  ['not JSON', '{"mcpServers": '],
  ['a list', '[]'],
  ['servers that are no object', '{"mcpServers": [1]}'],
])('a .claude.json that is %s changes nothing', async (_, text) => {
  await put('.claude.json', text)
  const before = await snapshot()
  await expect(installIntoClaude(deps, own)).rejects.toMatchObject({ code: 'CLAUDE_FILE_UNREADABLE' })
  expect(await snapshot()).toEqual(before)
})

test('a .claude.json that is broken afterwards stops the removal before it has begun', async () => {
  await installIntoClaude(deps, own)
  await put('.claude.json', 'oops')
  const before = await snapshot()
  await expect(remove()).rejects.toMatchObject({ code: 'CLAUDE_FILE_UNREADABLE' })
  expect(await snapshot()).toEqual(before)
})

test('through a link the file itself is changed, and the link stays', async () => {
  await put('dotfiles/claude.json', claudeJson)
  await symlink(at('dotfiles/claude.json'), at('.claude.json'))
  const before = await snapshot()
  await installIntoClaude(deps, own)
  expect(await read('dotfiles/claude.json')).toContain('tandem')
  await remove()
  expect(await snapshot()).toEqual(before)
})

test('waits for Claude Code’s own lock, and takes one that was left behind', async () => {
  await furnish()
  await mkdir(at('.claude.json.lock'))
  const installing = installIntoClaude(deps, own)
  await expect
    .poll(() =>
      lstat(at('.claude/commands/codex-ask.md')).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true)
  expect(await read('.claude.json')).toBe(claudeJson)
  await utimes(at('.claude.json.lock'), 1, 1)
  await installing
  expect(await read('.claude.json')).toContain('tandem')
  await expect(lstat(at('.claude.json.lock'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('a damaged record is said, and nothing is changed', async () => {
  await put('.config/tandem/claude-install.json', '{"format": 2}')
  const before = await snapshot()
  await expect(installIntoClaude(deps, own)).rejects.toMatchObject({ code: 'CLAUDE_MANIFEST_UNREADABLE' })
  await expect(remove()).rejects.toMatchObject({ code: 'CLAUDE_MANIFEST_UNREADABLE' })
  expect(await snapshot()).toEqual(before)
})

test('CLAUDE_CONFIG_DIR is where everything goes', async () => {
  deps = { ...deps, claudeDir: at('elsewhere') }
  await installIntoClaude(deps, own)
  expect(await readdir(at('elsewhere'))).toEqual(['.claude.json', 'commands', 'skills'])
})
