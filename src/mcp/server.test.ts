import { expect, test } from 'vitest'
import { AppError } from '#kernel'
import { verbNames, verbs } from '#contracts'
import type { VerbDescription } from '#contracts'
import { completed, connected, eventOf, textOf } from './test-harness.ts'

test('every tool of the descriptions is offered, with the names and bounds that a client needs', async () => {
  await using door = await connected()
  const { tools } = await door.client.listTools()
  const described = verbNames.flatMap(verb => {
    const description: VerbDescription = verbs[verb]
    return (description.doors.mcp ?? []).map(shape => shape.tool)
  })
  expect(tools.map(tool => tool.name)).toEqual(described)
  expect(tools.filter(tool => (tool.description ?? '').length > 2048)).toEqual([])
  expect(tools.every(tool => tool.inputSchema['additionalProperties'] === false)).toBe(true)
  expect(tools.map(tool => tool._meta?.['anthropic/maxResultSizeChars'])).toEqual(tools.map(() => 200_000))
})

test('a tool offers the members that its description names, renamed, and tells what it only reads', async () => {
  await using door = await connected()
  const { tools } = await door.client.listTools()
  const membersOf = (name: string) => Object.keys(tools.find(tool => tool.name === name)?.inputSchema.properties ?? {})
  expect(membersOf('codex')).toContain('SESSION_ID')
  expect(membersOf('codex')).not.toContain('on_cut')
  expect(membersOf('codex_ask')).not.toContain('sandbox')
  const [codex, ask] = tools
  expect(codex?.inputSchema.required).toEqual(['PROMPT', 'cd'])
  expect(codex?.outputSchema?.required).toContain('SESSION_ID')
  expect(codex?.annotations).toEqual({ title: 'Ask Codex', readOnlyHint: false, idempotentHint: false })
  expect(ask?.annotations?.readOnlyHint).toBe(true)
})

test('a call is the verb with its own names, the key and the caller; the answer has the tool’s names', async () => {
  await using door = await connected()
  const result = await door.call(
    'codex',
    { PROMPT: 'look', cd: '/p', SESSION_ID: 'last' },
    { 'claudecode/toolUseId': 'toolu_7' },
  )
  expect(door.calls.map(({ verb, input, options: { caller } }) => ({ verb, input, caller }))).toEqual([
    {
      verb: 'ask',
      input: { prompt: 'look', cd: '/p', session_id: 'last', idempotency_key: 'toolu_7' },
      caller: {
        door: 'mcp',
        claude_session_id: 'claude-1',
        project_dir: '/project',
        client: 'test/9',
        tool_use_id: 'toolu_7',
      },
    },
  ])
  const { session_id, ...rest } = completed
  expect(result.structuredContent).toEqual({ ...rest, SESSION_ID: session_id })
  expect(JSON.parse(textOf(result))).toEqual(result.structuredContent)
  expect(result.isError).toBeUndefined()
})

test('a key of the caller wins over the tool use, a fixed value cannot be changed, null means left out', async () => {
  await using door = await connected()
  await door.call(
    'codex_ask',
    { PROMPT: 'look', cd: '/p', idempotency_key: 'mine', SESSION_ID: null },
    { 'claudecode/toolUseId': 'toolu_7' },
  )
  expect(door.calls[0]?.input).toEqual({ prompt: 'look', cd: '/p', idempotency_key: 'mine', sandbox: 'read-only' })
  const refused = await door.call('codex_ask', { PROMPT: 'look', cd: '/p', sandbox: 'workspace-write' })
  expect(refused.isError).toBe(true)
  expect(textOf(refused)).toContain('sandbox is not an argument of codex_ask')
})

test('what the caller’s own JSON calls session_id keeps its name', async () => {
  await using door = await connected(() => ({ ...completed, output: { session_id: 'theirs' } }))
  const result = await door.call('codex', { PROMPT: 'look', cd: '/p' })
  expect(result.structuredContent).toMatchObject({ SESSION_ID: 'session-1', output: { session_id: 'theirs' } })
})

test.each([
  ['nothing', {}, ['PROMPT: is missing', 'cd: is missing', 'PROMPT (required), cd (required), SESSION_ID']],
  ['an empty prompt', { PROMPT: ' ', cd: '/p' }, ['PROMPT: the prompt is empty']],
  ['a bogus effort', { PROMPT: 'x', cd: '/p', effort: 'bogus' }, ['effort: must be one of none, minimal']],
  ['a number for a path', { PROMPT: 'x', cd: 7 }, ['cd: must be text']],
  ['a wrong member', { prompt: 'x', cd: '/p' }, ['prompt is not an argument of codex', 'PROMPT: is missing']],
  ['an image that is no list', { PROMPT: 'x', cd: '/p', image: 'a.png' }, ['image: must be a list']],
])('bad arguments are an answer that names the member: %s', async (_what, args, parts) => {
  await using door = await connected()
  const result = await door.call('codex', args)
  expect(result.isError).toBe(true)
  expect(textOf(result)).toMatch(/^INPUT_INVALID: /)
  for (const part of parts) expect(textOf(result)).toContain(part)
  expect(door.calls).toEqual([])
})

test('an unknown tool is an answer, too, and says which there are', async () => {
  await using door = await connected()
  const result = await door.call('codexx', {})
  expect(result.isError).toBe(true)
  expect(textOf(result)).toMatch(/^TOOL_UNKNOWN: there is no tool "codexx"\nwhat to do: the tools are codex, codex_ask/)
})

test('a failure carries code, message and hint as a sentence, then the same with its data as JSON', async () => {
  const error = { code: 'DIRECTORY_MISSING', kind: 'missing', message: 'no directory /p', hint: 'create it' } as const
  const data = { turn_id: 't' }
  await using door = await connected(() => {
    throw new AppError(error.code, error.kind, error.message, { hint: error.hint, data })
  })
  const result = await door.call('codex', { PROMPT: 'x', cd: '/p' })
  expect(result).toMatchObject({ isError: true })
  const [head, body] = textOf(result).split('\n\n')
  expect(head).toBe('DIRECTORY_MISSING: no directory /p\nwhat to do: create it')
  expect(JSON.parse(body ?? '')).toEqual({ success: false, error: { ...error, data } })
})

test.each([
  ['before Codex has given the session', null, { turn_id: 't' }, 'turn_id t'],
  ['in a session', 's', { turn_id: 't', SESSION_ID: 's' }, 'turn_id t of SESSION_ID s'],
])(
  'a call that fails after its turn was accepted leads back to the turn: %s',
  async (_what, session_id, ids, named) => {
    await using door = await connected(({ options }) => {
      options.onEvent?.(eventOf('turn.accepted', {}))
      options.onEvent?.({ ...eventOf('turn.started', {}), session_id })
      options.onEvent?.({ ...eventOf('rate.limits', {}), turn_id: null })
      throw new AppError('DAEMON_STOPPING', 'unavailable', 'it stops', { hint: 'wait', data: { reason: 'down' } })
    })
    const result = await door.call('codex', { PROMPT: 'x', cd: '/p' })
    const [head, body] = textOf(result).split('\n\n')
    const hint = `wait; the turn was accepted, do not send the prompt again: call codex_wait with ${named}`
    expect(head).toBe(`DAEMON_STOPPING: it stops\nwhat to do: ${hint}`)
    expect(JSON.parse(body ?? '')).toMatchObject({
      error: { code: 'DAEMON_STOPPING', data: { reason: 'down', ...ids } },
    })
  },
)

test('a failed turn is an error whose text holds the whole answer', async () => {
  const error = { code: 'UPSTREAM_FAILED', kind: 'unavailable', message: 'the model is away', hint: 'try later' }
  await using door = await connected(() => ({ ...completed, success: false, status: 'failed', error }))
  const result = await door.call('codex', { PROMPT: 'x', cd: '/p' })
  expect(result.isError).toBe(true)
  const [head, body] = textOf(result).split('\n\n')
  expect(head).toBe('UPSTREAM_FAILED: the model is away\nwhat to do: try later')
  expect(JSON.parse(body ?? '')).toMatchObject({ SESSION_ID: 'session-1', turn_id: 'turn_1', status: 'failed', error })
})

test.each([
  ['codex_wait', 'running', undefined],
  ['codex_wait', 'queued', undefined],
  ['codex_cancel', 'interrupted', undefined],
  ['codex_wait', 'interrupted', true],
  ['codex_result', 'failed', true],
  ['codex', 'completed', true],
])('%s of a turn that is %s without success: isError %s', async (tool, status, isError) => {
  await using door = await connected(() => ({ ...completed, success: false, status }))
  const result = await door.call(tool, tool === 'codex' ? { PROMPT: 'x', cd: '/p' } : { turn_id: 'turn_1' })
  expect(result.isError).toBe(isError)
})
