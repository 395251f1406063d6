import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { callTool, rule, say } from '#scripted-model'
import { httpOf } from './support/http-client.ts'
import { mainRequests, resultOf, shownTo } from './support/claude-world.ts'
import { caller, openTandemWorld } from './support/tandem-world.ts'
import type { Rule } from '#scripted-model'
import type { Run } from './support/claude-world.ts'
import type { TandemWorld } from './support/tandem-world.ts'

const claude = join(resolve(import.meta.dirname, '..'), 'node_modules/.bin/claude')
const tool = 'mcp__tandem__codex'

/** Claude calls Codex in the directory that its prompt names, the second time in the session that is the last there. */
const rules: readonly Rule[] = [
  rule('delegate', { dialect: 'messages', sincePrompt: 0, lastText: '/begin in (\\S+)/' }, [
    callTool(tool, { PROMPT: 'say hello', cd: '{{match.1}}' }),
  ]),
  rule('go on', { dialect: 'messages', sincePrompt: 0, lastText: '/go on in (\\S+)/' }, [
    callTool(tool, { PROMPT: 'say hello', cd: '{{match.1}}', SESSION_ID: 'last' }),
  ]),
  rule('done', { dialect: 'messages' }, [say('done')]),
  rule('codex', { lastText: 'say hello' }, [say('hello from Codex')]),
]

/** The real Claude Code with the server as docs/http.md configures it, and nothing else of ours. */
async function runClaude(world: TandemWorld, prompt: string, token: string): Promise<Run> {
  const { url } = await httpOf(world.places)
  const headers = { Authorization: `Bearer ${token}`, 'Tandem-Project-Dir': '${PWD}' }
  const server = { type: 'http', url: `${url}/mcp`, headers, alwaysLoad: true }
  const args = [
    `--mcp-config=${JSON.stringify({ mcpServers: { tandem: server } })}`,
    '--strict-mcp-config',
    `--allowedTools=${tool},mcp__tandem__codex_status`,
    '-p',
    prompt,
  ]
  const env = { ...world.env, PWD: world.project }
  return resultOf(spawn(claude, args, { cwd: world.project, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 90_000 }))
}

test('Claude Code delegates to Codex over HTTP: the model sees the answer, the tool use is the key, "last" is of the project', async () => {
  await using world = await openTandemWorld(rules)
  await world.tandem(['up'])
  const { token } = await httpOf(world.places)
  expect(await runClaude(world, `begin in ${world.project}`, token)).toMatchObject({ code: 0, out: 'done\n' })
  const seen = mainRequests(world.model).at(-1)
  const answer = JSON.parse(shownTo(seen).results[0] ?? '') as Readonly<Record<string, unknown>>
  expect(answer).toMatchObject({ success: true, status: 'completed', agent_messages: 'hello from Codex' })

  const toolUseId = /"tool_use_id":"([^"]+)"/.exec(JSON.stringify(seen?.body))?.[1]
  const again = {
    prompt: 'another',
    cd: world.project,
    ...(toolUseId === undefined ? {} : { idempotency_key: toolUseId }),
  }
  await expect(world.client().call('ask', again, { caller })).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })

  expect(await runClaude(world, `go on in ${world.project}`, token)).toMatchObject({ code: 0, out: 'done\n' })
  expect(JSON.parse(shownTo(mainRequests(world.model).at(-1)).results[0] ?? '')).toMatchObject({
    SESSION_ID: answer['SESSION_ID'],
    agent_messages: 'hello from Codex',
  })
})

test('a daemon that is restarted under Claude Code is found again: its next call begins a new session', async () => {
  const status = 'mcp__tandem__codex_status'
  await using world = await openTandemWorld([
    rule('look', { dialect: 'messages', sincePrompt: 0 }, [callTool(status, {})]),
    rule('look again', { dialect: 'messages', sincePrompt: 1 }, [{ gate: 'restarted' }, callTool(status, {})]),
    rule('done', { dialect: 'messages' }, [say('done')]),
  ])
  await world.tandem(['up'])
  const { token } = await httpOf(world.places)
  const ran = runClaude(world, 'go', token)
  await world.model.waitForRequest(request => request.rule === 'look again', { timeoutMs: 60_000 })
  await world.tandem(['down'])
  await world.tandem(['up'])
  await httpOf(world.places)
  world.model.release('restarted')
  expect(await ran).toMatchObject({ code: 0, out: 'done\n' })
  const shown = mainRequests(world.model)
    .slice(1)
    .map(request => shownTo(request).results.at(-1) ?? '')
  const pids = shown.map(text => /"pid":(\d+)/.exec(text)?.[1])
  expect(pids).toHaveLength(2)
  expect(new Set(pids).size).toBe(2)
  expect(pids).not.toContain(undefined)
})

test('with a wrong token Claude Code has no tools of ours, and no turn is run', async () => {
  await using world = await openTandemWorld(rules)
  await world.tandem(['up'])
  await runClaude(world, `begin in ${world.project}`, 'not-the-token')
  const names = JSON.stringify(mainRequests(world.model)[0]?.body?.['tools'] ?? [])
  expect(names).not.toContain(tool)
  expect((await world.client().call('turns', {}, { caller })).turns).toEqual([])
})
