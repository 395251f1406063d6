import { execFile } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { callTool, rule, say } from '#scripted-model'
import { mainRequests, shownTo } from './support/claude-world.ts'
import { openTandemWorld } from './support/tandem-world.ts'
import type { Rule } from '#scripted-model'
import type { TandemWorld } from './support/tandem-world.ts'

/* Plain `claude`, as a person has it: what `tandem claude install` gives it, and what the plugin does. */

const root = resolve(import.meta.dirname, '..')
const call = (tool: string): Rule =>
  rule('call', { dialect: 'messages', sincePrompt: 0, lastText: '/delegate (\\S+)/' }, [
    callTool(tool, { PROMPT: 'count the files', cd: '{{match.1}}' }),
  ])
const codex = rule('codex', { dialect: 'responses' }, [say('three files')])
const done = rule('done', { dialect: 'messages' }, [say('done')])

/** Of nothing but what every shell has: no `tandem` on PATH. */
function claude(
  world: TandemWorld,
  args: readonly string[],
  path = '/usr/local/bin:/usr/bin:/bin',
): Promise<{ readonly out: string; readonly code: number }> {
  return new Promise(resolved => {
    execFile(
      join(root, 'node_modules/.bin/claude'),
      [...args],
      { cwd: world.project, env: { ...world.env, PATH: path }, timeout: 60_000 },
      (error, stdout, stderr) =>
        resolved({ code: typeof error?.code === 'number' ? error.code : 0, out: stdout + stderr }),
    ).stdin?.end()
  })
}

const resultOf = (world: TandemWorld): string => shownTo(mainRequests(world.model).at(-1)).results.at(-1) ?? ''

test('installed, plain claude calls the tool, knows the commands, and after the removal neither', async () => {
  await using world = await openTandemWorld([call('mcp__tandem__codex'), codex, done])
  const file = join(world.folder, 'home/.claude.json')
  writeFileSync(file, '{"hasCompletedOnboarding": true}')
  expect(await world.tandem(['claude', 'install'])).toMatchObject({ code: 0 })

  expect(await claude(world, ['mcp', 'get', 'tandem'])).toMatchObject({
    out: expect.stringMatching(/User config[^]*Connected/),
  })
  await claude(world, ['--allowedTools=mcp__tandem__codex', '-p', `delegate ${world.project}`])
  expect(JSON.parse(resultOf(world))).toMatchObject({ success: true, agent_messages: 'three files' })
  await claude(world, ['-p', '/codex-config high'])
  expect(shownTo(mainRequests(world.model).at(-1)).texts).toMatch(/what Tandem answered[^]*high/)
  await claude(world, ['-p', '/codex-status'])
  expect(shownTo(mainRequests(world.model).at(-1)).texts).toMatch(/what Tandem answered[^]*codex +(?:ready|starting)/)

  expect(await world.tandem(['claude', 'uninstall'])).toMatchObject({ code: 0 })
  expect(readFileSync(file, 'utf8')).not.toContain('tandem')
  expect((await claude(world, ['mcp', 'get', 'tandem'])).out).toMatch(/No MCP server/i)
  await claude(world, ['-p', '/codex-config high'])
  expect(shownTo(mainRequests(world.model).at(-1)).texts).not.toContain('what Tandem answered')
})

test('for a project Claude Code asks whether its person wants the server', async () => {
  await using world = await openTandemWorld([codex, done])
  expect(await world.tandem(['claude', 'install', '--scope', 'project'])).toMatchObject({ code: 0 })
  expect((await claude(world, ['mcp', 'list'])).out).toMatch(/tandem: tandem mcp.*approval/i)
  expect(await world.tandem(['claude', 'uninstall', '--scope', 'project'])).toMatchObject({ code: 0 })
})

test('for one person in one project plain claude has the server there', async () => {
  await using world = await openTandemWorld([codex, done])
  expect(await world.tandem(['claude', 'install', '--scope', 'local'])).toMatchObject({ code: 0 })
  expect((await claude(world, ['mcp', 'get', 'tandem'])).out).toMatch(/Local config[^]*Connected/)
  expect(await world.tandem(['claude', 'uninstall', '--scope', 'local'])).toMatchObject({ code: 0 })
  expect((await claude(world, ['mcp', 'get', 'tandem'])).out).toMatch(/No MCP server/i)
})

test('as a plugin it brings the tool, the commands and the skill', async () => {
  await using world = await openTandemWorld([call('mcp__plugin_tandem_tandem__codex'), codex, done])
  const plugin = `--plugin-dir=${join(root, 'plugin')}`
  await claude(world, [plugin, '--allowedTools=mcp__plugin_tandem_tandem__codex', '-p', `delegate ${world.project}`])
  expect(JSON.parse(resultOf(world))).toMatchObject({ success: true, agent_messages: 'three files' })
  expect(JSON.stringify(mainRequests(world.model).at(-1)?.body)).toContain('tandem:codex-collaboration')
  await claude(world, [plugin, '-p', '/tandem:codex-config high'])
  expect(shownTo(mainRequests(world.model).at(-1)).texts).toMatch(/what Tandem answered[^]*high/)
  await claude(world, [plugin, '-p', '/tandem:codex-status'])
  expect(shownTo(mainRequests(world.model).at(-1)).texts).toMatch(/what Tandem answered[^]*codex +(?:ready|starting)/)
})

test('from a marketplace, without the installation around it, it finds the tandem on PATH', async () => {
  await using world = await openTandemWorld([call('mcp__plugin_tandem_tandem__codex'), codex, done])
  const checkout = join(world.folder, 'checkout')
  for (const name of ['.claude-plugin', 'plugin']) cpSync(join(root, name), join(checkout, name), { recursive: true })
  expect(await claude(world, ['plugin', 'marketplace', 'add', checkout])).toMatchObject({ code: 0 })
  expect(await claude(world, ['plugin', 'install', 'tandem@tandem'])).toMatchObject({ code: 0 })
  const asked = ['--allowedTools=mcp__plugin_tandem_tandem__codex', '-p', `delegate ${world.project}`]
  await claude(world, asked, `${root}/bin:/usr/bin:/bin`)
  expect(JSON.parse(resultOf(world))).toMatchObject({ success: true, agent_messages: 'three files' })
})

test('a manifest of the plugin and the package are of one version', () => {
  const version = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8')).version
  expect(version('plugin/.claude-plugin/plugin.json')).toBe(version('package.json'))
})
