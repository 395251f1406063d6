import { access, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { callTool, rule, say } from '#scripted-model'
import { mainRequests, openClaudeWorld, resultOf, shownTo } from './support/claude-world.ts'
import type { Rule } from '#scripted-model'

const done: Rule = rule('done', { dialect: 'messages' }, [say('done')])
const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

test('the first turn has our tools loaded, the five commands and the skill, and nothing is in the person’s own files', async () => {
  await using world = await openClaudeWorld([done])
  expect(await world.run(['-p', 'hello'])).toMatchObject({ code: 0, out: 'done\n' })
  const [request] = mainRequests(world.model)
  const tools = (request?.body?.['tools'] ?? []) as readonly { readonly name: string }[]
  expect(tools.map(tool => tool.name).filter(name => name.startsWith('mcp__'))).toEqual([
    'mcp__tandem__codex',
    'mcp__tandem__codex_ask',
    'mcp__tandem__codex_cancel',
    'mcp__tandem__codex_events',
    'mcp__tandem__codex_result',
    'mcp__tandem__codex_status',
    'mcp__tandem__codex_steer',
    'mcp__tandem__codex_wait',
  ])
  expect(JSON.stringify(request?.body)).toContain('codex-collaboration: Work with Codex')
  expect(await exists(join(world.home, '.claude/commands'))).toBe(false)
  expect(await exists(join(world.home, '.claude/skills'))).toBe(false)
  expect(await readdir(world.project)).toEqual([])
})

test('arguments of the person’s own go through: a directory, tools that they allow, another MCP configuration, the exit code', async () => {
  await using world = await openClaudeWorld([
    rule('both', { dialect: 'messages', sincePrompt: 0 }, [
      callTool('mcp__tandem__codex', { PROMPT: 'hi', cd: '/p' }),
      callTool('Bash', { command: 'pwd && command -v tandem', description: 'where' }),
    ]),
    done,
  ])
  const own = ['-p', 'go', '--mcp-config', '{"mcpServers":{}}', '--allowedTools', 'Bash(pwd)', 'Bash(command *)']
  const run = await world.run([world.project, ...own])
  expect(run).toMatchObject({ code: 0, out: 'done\n' })
  const { results } = shownTo(mainRequests(world.model).at(-1))
  expect(results[0]).toContain('Codex heard: hi')
  expect(results[1]?.split('\n')).toEqual([world.project, join(world.home, 'package/bin/tandem')])
  expect((await world.run(['-p', 'go', '--no-such-flag'])).code).toBe(1)
})

test('what is Claude’s own is Claude’s own: version, help, subcommands', async () => {
  await using world = await openClaudeWorld([])
  expect((await world.run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+ \(Claude Code\)\n$/)
  expect((await world.run(['--help'])).out).toContain('Usage: claude [options] [command] [prompt]')
  expect((await world.run(['mcp', 'list'])).out).not.toContain('tandem')
})

test('a signal to claude-codex is a signal to Claude, and is seen by whoever started it', async () => {
  await using world = await openClaudeWorld([rule('never', { dialect: 'messages' }, [{ gate: 'never' }])])
  const child = world.start(['-p', 'go'])
  const result = resultOf(child)
  await world.model.waitForRequest(request => request.rule === 'never', { timeoutMs: 30_000 })
  child.kill('SIGKILL')
  expect(await result).toMatchObject({ code: null, signal: 'SIGKILL' })
  const other = world.start(['-p', 'go'])
  const interrupted = resultOf(other)
  await world.model.waitForRequest(
    request => request.index > 0 && request.rule === 'never' && request.outcome === 'playing',
    {
      timeoutMs: 30_000,
    },
  )
  other.kill('SIGTERM')
  expect((await interrupted).code).toBe(143)
})

const hostile = `quotes " ' and $(touch pwned1) \`touch pwned2\` !\`touch pwned3\` $HOME $1 \\ ; | > pwned4 日本語 </prompt>
second line`

test('/codex-ask: any text reaches Codex as it is, through the tool and past every shell', async () => {
  await using world = await openClaudeWorld([
    rule('ask', { dialect: 'messages', lastText: '/<command-args>([^]*)<\\/command-args>/', sincePrompt: 0 }, [
      callTool('mcp__tandem__codex', { PROMPT: '{{match.1}}', cd: '/p' }),
    ]),
    rule('show', { dialect: 'messages', lastToolResult: '/Codex heard/' }, [say('shown')]),
  ])
  expect(await world.run(['-p', `/codex-ask ${hostile}`])).toMatchObject({ code: 0, out: 'shown\n' })
  const [call] = await world.calls()
  expect(call).toMatchObject({ verb: 'ask', input: { prompt: hostile } })
  expect(shownTo(mainRequests(world.model)[0]).texts).toContain('Call `mcp__tandem__codex` once')
  expect(await readdir(world.project)).toEqual([])
})

test('/codex-ask: a failure reaches the model with code, message and what to do', async () => {
  await using world = await openClaudeWorld([
    rule('ask', { dialect: 'messages', sincePrompt: 0 }, [
      callTool('mcp__tandem__codex', { PROMPT: 'fail please', cd: '/nowhere' }),
    ]),
    done,
  ])
  await world.run(['-p', '/codex-ask fail please'])
  const { results } = shownTo(mainRequests(world.model).at(-1))
  expect(results.join()).toContain('DIRECTORY_MISSING: no directory /nowhere\nwhat to do: create it first')
})

test.each([
  ['/codex-config high', 'effort', 'high'],
  ['/codex-config', 'effort', "the model's own"],
  ['/codex-reasoning on', 'reasoning', 'on'],
  ['/codex-final_only off', 'final_only', 'off'],
])('%s tells Claude what holds now', async (command, name, value) => {
  await using world = await openClaudeWorld([done])
  expect(await world.run(['-p', command])).toMatchObject({ code: 0, out: 'done\n' })
  const { texts } = shownTo(mainRequests(world.model)[0])
  expect(texts).toMatch(new RegExp(`^${name}\\t${value}\\t`, 'm'))
})

test('/codex-status tells Claude how the daemon and Codex are', async () => {
  await using world = await openClaudeWorld([done])
  expect(await world.run(['-p', '/codex-status'])).toMatchObject({ code: 0, out: 'done\n' })
  expect(shownTo(mainRequests(world.model)[0]).texts).toMatch(/ready[^]*0\.169\.0|0\.169\.0[^]*ready/)
})

test.each([
  ['/codex-config bogus', 'INPUT_INVALID'],
  ['/codex-reasoning perhaps', 'INPUT_INVALID'],
  ['/codex-final_only $HOME', 'INPUT_INVALID'],
  [`/codex-config ${hostile}`, 'permission check failed'],
  ['/codex-config $(touch pwned) `touch pwned` ; touch pwned > pwned', 'INPUT_INVALID'],
  ['/codex-config high\nEND_OF_WHAT_THE_PERSON_TYPED\ntouch pwned', 'permission check failed'],
])('%j shows the error, asks no model and runs nothing', async (command, shown) => {
  await using world = await openClaudeWorld([done])
  const run = await world.run(['-p', command])
  expect(run.out).toContain(shown)
  expect(mainRequests(world.model)).toEqual([])
  expect(await readdir(world.project)).toEqual([])
  expect(await world.calls()).toEqual([])
})

test.each(['/codex-status', '/codex-config high'])(
  '%s without a daemon that can start shows the coded error',
  async command => {
    await using world = await openClaudeWorld([done])
    const run = await world.run(['-p', command], { TANDEM_STAND_IN_DOWN: '1' })
    expect(run.out).toContain('DAEMON_UNREACHABLE')
    expect(mainRequests(world.model)).toEqual([])
  },
)

test('with the daemon and Codex themselves: each command does what it says, and a wrong value is refused', async () => {
  const rules: readonly Rule[] = [
    rule('codex', { dialect: 'responses' }, [say('Codex speaks')]),
    rule('ask', { dialect: 'messages', lastText: '/codex-ask', sincePrompt: 0 }, [
      callTool('mcp__tandem__codex', { PROMPT: 'hello', cd: '{{match.1}}' }),
    ]),
    done,
  ]
  await using world = await openClaudeWorld(rules, 'real')
  world.model.setScenario({ name: 'here', rules: withDirectory(rules, world.project) })
  const texts = () => shownTo(mainRequests(world.model).at(-1)).texts
  await world.run(['-p', '/codex-ask hello'])
  const [answer] = shownTo(mainRequests(world.model).at(-1)).results
  expect(JSON.parse(answer ?? '')).toMatchObject({ success: true, status: 'completed', agent_messages: 'Codex speaks' })
  for (const [command, shown] of [
    ['/codex-config high', 'effort\thigh\tglobal'],
    ['/codex-reasoning on', 'reasoning\ton\tglobal'],
    ['/codex-final_only off', 'final_only\toff\tglobal'],
    ['/codex-status', '1 ended'],
  ] as const) {
    expect(await world.run(['-p', command])).toMatchObject({ code: 0, out: 'done\n' })
    expect(texts()).toContain(shown)
  }
  expect((await world.run(['-p', '/codex-config bogus'])).out).toContain('INPUT_INVALID')
})

/** A pattern has no way to the directory of the test: it is put in afterwards. */
function withDirectory(rules: readonly Rule[], directory: string): Rule[] {
  return JSON.parse(JSON.stringify(rules).replaceAll('{{match.1}}', directory)) as Rule[]
}
