import { expect, test } from 'vitest'
import { callTool, rule, say } from '#scripted-model'
import { openMcpDoor } from './support/doors.ts'
import { mainRequests, openClaudeWorld, shownTo } from './support/claude-world.ts'
import { longAnswer } from './support/stand-in-verbs.ts'
import { openTandemWorld } from './support/tandem-world.ts'
import type { Rule } from '#scripted-model'

const done: Rule = rule('done', { dialect: 'messages' }, [say('done')])
const first = { dialect: 'messages', sincePrompt: 0 } as const

test('a call of Claude Code carries its tool use as key, its session and its project; the model sees the answer', async () => {
  await using world = await openClaudeWorld([
    rule('call', first, [callTool('mcp__tandem__codex', { PROMPT: 'hello', cd: '/p', SESSION_ID: 'last' })]),
    done,
  ])
  expect(await world.run(['-p', 'go'])).toMatchObject({ code: 0, out: 'done\n' })
  const [call] = await world.calls()
  const toolUseId = call?.caller.tool_use_id ?? 'none'
  expect(call?.input).toEqual({ prompt: 'hello', cd: '/p', session_id: 'last', idempotency_key: toolUseId })
  expect(call?.caller).toMatchObject({ door: 'mcp', project_dir: world.project })
  expect(call?.caller.claude_session_id).toMatch(/^[0-9a-f-]{36}$/)
  expect(call?.caller.client).toMatch(/^claude-code\//)
  const last = mainRequests(world.model).at(-1)
  expect(JSON.stringify(last?.body)).toContain(toolUseId)
  const answer = JSON.parse(shownTo(last).results[0] ?? '') as unknown
  expect(answer).toMatchObject({
    success: true,
    SESSION_ID: 'session-of-the-stand-in',
    agent_messages: 'Codex heard: hello',
  })
})

test('read-only calls run side by side, those that may write one after the other', async () => {
  const slow = (tool: string) => callTool(`mcp__tandem__${tool}`, { PROMPT: 'slow', cd: '/p' })
  await using world = await openClaudeWorld([
    rule('asks', { ...first, lastText: 'ask' }, [slow('codex_ask'), slow('codex_ask')]),
    rule('writes', { ...first, lastText: 'write' }, [slow('codex'), slow('codex')]),
    done,
  ])
  await world.run(['-p', 'ask'])
  await world.run(['-p', 'write'])
  const calls = await world.calls()
  const [asked, written] = [calls.slice(0, 2), calls.slice(2)]
  const overlap = (pair: typeof calls): boolean =>
    Math.max(...pair.map(call => call.startedAt)) < Math.min(...pair.map(call => call.endedAt))
  expect(asked.map(call => call.input['sandbox'])).toEqual(['read-only', 'read-only'])
  expect([asked.length, overlap(asked), written.length, overlap(written)]).toEqual([2, true, 2, false])
})

test('of what failed the model gets code, message, hint and ids; of wrong arguments the member’s name', async () => {
  await using world = await openClaudeWorld([
    rule('calls', first, [
      callTool('mcp__tandem__codex_ask', { PROMPT: 'broken turn', cd: '/p' }),
      callTool('mcp__tandem__codex_ask', { PROMPT: 'x', cd: '/p', effort: 'bogus' }),
    ]),
    done,
  ])
  await world.run(['-p', 'go'])
  // Side by side, so whichever ends first comes first.
  const { results } = shownTo(mainRequests(world.model).at(-1))
  const [wrong, failed] = results.toSorted(
    (a, b) => Number(b.includes('INPUT_INVALID')) - Number(a.includes('INPUT_INVALID')),
  )
  expect(results).toHaveLength(2)
  expect(failed).toContain('UPSTREAM_FAILED: the model is away\nwhat to do: try later')
  expect(failed).toContain('"SESSION_ID":"session-of-the-stand-in"')
  expect(failed).toContain('"turn_id":"turn_1"')
  expect(wrong).toContain('effort')
})

test('an answer over the limit arrives whole enough to read on, not as a file', async () => {
  await using world = await openClaudeWorld([
    rule('call', first, [callTool('mcp__tandem__codex', { PROMPT: 'long', cd: '/p' })]),
    rule('read on', { dialect: 'messages', lastToolResult: '/"read_on":\\{"offset":(\\d+)/' }, [
      callTool('mcp__tandem__codex_result', { turn_id: 'turn_1', offset: '{{match.1}}' }),
    ]),
    done,
  ])
  await world.run(['-p', 'go'])
  const [result] = shownTo(mainRequests(world.model)[1]).results
  const answer = JSON.parse(result ?? '') as {
    readonly agent_messages: string
    readonly read_on: { readonly offset: number; readonly total: number }
  }
  expect(answer.read_on.total).toBe(longAnswer.length)
  expect(answer.agent_messages.slice(0, answer.read_on.offset)).toBe(longAnswer.slice(0, answer.read_on.offset))
  expect(Buffer.byteLength(result ?? '')).toBeGreaterThan(60_000)
  expect(Buffer.byteLength(result ?? '')).toBeLessThanOrEqual(80_000)
})

test('a stage is a command: its prompt says what to call, and the person’s whole words stand beside it', async () => {
  await using world = await openClaudeWorld([done])
  await world.run(['-p', '/mcp__tandem__analyze users need "registration and login" $(touch pwned)'])
  const { texts } = shownTo(mainRequests(world.model)[0])
  expect(texts).toContain('# Working with Codex, stage 1 of 7: analysis')
  expect(texts).toContain('## Requirements\nusers need "registration and\n')
  expect(texts).toContain(`- \`cd\`: ${world.project}`)
  expect(texts).toContain('<command-args>users need "registration and login" $(touch pwned)</command-args>')
})

test('a daemon that is stopped under a call: the failure leads back to the turn, which has run once', async () => {
  const rules = [
    rule('held', { lastText: 'hold', sincePrompt: 0 }, [say('I was '), { gate: 'open' }, say('there')]),
    rule('go on', { lastText: 'cut off by a crash' }, [say('went on')]),
  ]
  await using world = await openTandemWorld(rules, { turns: { stop_grace_ms: 0 } })
  await using door = await openMcpDoor(world)
  const asked = door.call('ask', { prompt: 'hold', cd: world.project })
  await world.model.waitForRequest(request => request.rule === 'held', { timeoutMs: 60_000 })
  expect(await world.tandem(['down'])).toMatchObject({ code: 0 })
  const failed = await asked
  const way = /do not send the prompt again: call codex_wait with turn_id (turn_\w+) of SESSION_ID [0-9a-f-]{36}$/
  expect(failed).toMatchObject({ kind: 'error', code: 'DAEMON_STOPPING', hint: expect.stringMatching(way) })
  const [, turn_id] = way.exec(failed.kind === 'error' ? (failed.hint ?? '') : '') ?? []
  expect(await door.call('wait', { turn_id })).toMatchObject({
    kind: 'ok',
    output: { turn_id, status: 'completed', agent_messages: 'went on' },
  })
  expect(world.promptsInHistory().filter(prompt => prompt === 'hold')).toHaveLength(1)
})
