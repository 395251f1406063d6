import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { expect, test } from 'vitest'
import { AppError, createFakeClock, silentLog } from '#kernel'
import { verbNames, verbs } from '#contracts'
import { createMcpServer } from './index.ts'
import type { Caller, CallOptions, TurnAnswer, VerbCaller, VerbDescription, WireEvent } from '#contracts'

interface SeenCall {
  readonly verb: string
  readonly input: Record<string, unknown>
  readonly options: CallOptions
}

const completed: TurnAnswer = {
  success: true,
  session_id: 'session-1',
  turn_id: 'turn_1',
  agent_id: 'agent_1',
  status: 'completed',
  agent_messages: 'the answer',
  usage: null,
  diff: null,
  proposed_diff: null,
  session_restarted: false,
  elapsed_ms: 12,
  last_event: null,
  error: null,
}

async function connected(answer: (call: SeenCall) => unknown = () => completed) {
  const calls: SeenCall[] = []
  const clock = createFakeClock()
  const caller: Caller = { door: 'mcp', claude_session_id: 'claude-1', project_dir: '/project' }
  const fake = {
    call: async (verb: string, input: Record<string, unknown>, options: CallOptions) => {
      const call = { verb, input, options }
      calls.push(call)
      return await answer(call)
    },
  }
  const server = createMcpServer({
    verbs: fake as unknown as VerbCaller,
    caller,
    version: '1.2.3',
    log: silentLog,
    clock,
  })
  const client = new Client({ name: 'test', version: '9' })
  const [near, far] = InMemoryTransport.createLinkedPair()
  await Promise.all([server.connect(far), client.connect(near)])
  return {
    client,
    calls,
    clock,
    call: async (name: string, args: Record<string, unknown>, meta?: Record<string, unknown>) =>
      CallToolResultSchema.parse(
        await client.callTool({ name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) }),
      ),
    async [Symbol.asyncDispose]() {
      await client.close()
      await server.close()
    },
  }
}

const textOf = (result: { readonly content: readonly { readonly type: string }[] }): string =>
  result.content.map(part => ('text' in part ? String(part.text) : '')).join('\n')

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

const lastEvent = (text: string) => ({ seq: 9, kind: 'message', at: 1, text })

test.each<[string, (whole: string) => object]>([
  ['a long message', () => ({})],
  ['with the same as JSON', whole => ({ output: { text: whole } })],
  ['with an output of 100 KB', () => ({ output: ['o'.repeat(100_000)] })],
  ['of a turn that runs', whole => ({ status: 'running', success: false, last_event: lastEvent(whole) })],
  [
    'with every member long',
    whole => ({
      output: whole,
      all_messages: [{ kind: 'message', text: whole }],
      last_event: lastEvent(whole),
      proposed_diff: {
        patch: whole,
        applies: false,
        files: Array.from({ length: 150 }, (_, at) => ({ path: `${at}${'p'.repeat(4000)}`, applies: at !== 140 })),
      },
      error: { code: 'SOME', kind: 'timeout', message: whole, hint: whole, data: { whole }, more: whole },
      // A member of a newer daemon.
      novelty: whole,
    }),
  ],
])('a long answer is cut to the bound at code points, and can be read on to its end: %s', async (_what, change) => {
  const whole = '日本語 "quoted" 🙂\n'.repeat(20_000)
  await using door = await connected(({ input }) => {
    const offset = typeof input['offset'] === 'number' ? input['offset'] : 0
    const diff = `+${'x'.repeat(200_000)}`
    return { ...completed, agent_messages: whole.slice(offset), diff, ...change(whole) }
  })
  let read = ''
  let result = await door.call('codex', { PROMPT: 'x', cd: '/p' })
  for (let turn = 0; turn < 100; turn += 1) {
    const answer = result.structuredContent as unknown as TurnAnswer
    expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThanOrEqual(80_000)
    if (answer.read_on === undefined) {
      read += answer.agent_messages
      break
    }
    expect(answer.read_on.total).toBe(whole.length)
    expect(answer.agent_messages).toContain(`call codex_result with turn_id turn_1 and offset ${answer.read_on.offset}`)
    expect(answer.diff).toMatch(/\[cut by Tandem after character \d+ of 200001: /)
    expect(answer.read_on.offset).toBeGreaterThan(read.length)
    read += answer.agent_messages.slice(0, answer.read_on.offset - read.length)
    expect(read.isWellFormed()).toBe(true)
    result = await door.call('codex_result', { turn_id: 'turn_1', offset: answer.read_on.offset })
  }
  expect(read).toBe(whole)
})

test('an output that has room is there whole; one that has none leaves its room to the message', async () => {
  const answered = async (change: Partial<TurnAnswer>) => {
    await using door = await connected(() => ({ ...completed, ...change }))
    const result = await door.call('codex', { PROMPT: 'x', cd: '/p' })
    return result.structuredContent as unknown as TurnAnswer
  }
  const output = ['o'.repeat(10_000)]
  const small = await answered({ output, agent_messages: 'm'.repeat(200_000) })
  expect([small.output, small.read_on?.total]).toEqual([output, 200_000])
  const text = JSON.stringify(['o'.repeat(60_000)])
  const large = await answered({ output: JSON.parse(text) as unknown, agent_messages: text })
  expect([large.output, large.agent_messages]).toEqual([undefined, text])
})

test('of many messages the newest stay; of many events the first stay and the cursor goes on behind them', async () => {
  const all_messages = Array.from({ length: 500 }, (_, at) => ({ kind: 'message', text: `${at} ${'m'.repeat(500)}` }))
  const event = (seq: number) => ({
    seq,
    at: 1,
    kind: 'command.ended',
    agent_id: 'a',
    turn_id: 't',
    session_id: 's',
    data: { output: 'o'.repeat(4000), session_id: 'inner' },
  })
  const events = Array.from({ length: 200 }, (_, at) => event(at + 1))
  await using door = await connected(({ verb }) =>
    verb === 'events' ? { events, cursor: 200, has_more: false } : { ...completed, all_messages },
  )
  const answer = (await door.call('codex', { PROMPT: 'x', cd: '/p' })).structuredContent as unknown as TurnAnswer
  expect(answer.agent_messages).toBe('the answer')
  expect(answer.all_messages?.[0]?.text).toMatch(/^\[cut by Tandem: \d+ earlier of 500 messages left out/)
  expect(answer.all_messages?.at(-1)?.text).toMatch(/^499 /)
  const followed = (await door.call('codex_events', { turn_id: 't' })).structuredContent as {
    readonly events: readonly Record<string, unknown>[]
    readonly cursor: number
    readonly has_more: boolean
  }
  expect(Buffer.byteLength(JSON.stringify(followed))).toBeLessThanOrEqual(80_000)
  expect(followed).toMatchObject({ cursor: followed.events.length, has_more: true })
  expect(followed.events[0]).toMatchObject({ SESSION_ID: 's', data: { session_id: 'inner' } })
})

const eventOf = (kind: string, data: Record<string, unknown>): WireEvent => ({
  seq: 1,
  at: 1,
  kind,
  agent_id: 'a',
  turn_id: 't',
  session_id: null,
  data,
})

test('while waiting the client hears every few seconds, and at once of what happens, with a rising figure', async () => {
  const done = Promise.withResolvers<TurnAnswer>()
  await using door = await connected(() => done.promise)
  const heard: { readonly progress: number; readonly message?: string | undefined }[] = []
  const waiting = door.client.callTool({ name: 'codex', arguments: { PROMPT: 'x', cd: '/p' } }, undefined, {
    onprogress: progress => heard.push({ progress: progress.progress, message: progress.message }),
  })
  await expect.poll(() => heard.length).toBe(1)
  door.clock.advance(3000)
  await expect.poll(() => heard.length).toBe(2)
  door.calls[0]?.options.onEvent?.(eventOf('command.started', { command: 'npm   test' }))
  door.calls[0]?.options.onEvent?.(eventOf('usage', { total_tokens: 1 }))
  door.clock.advance(250)
  await expect.poll(() => heard.length).toBe(3)
  done.resolve(completed)
  await waiting
  door.clock.advance(60_000)
  expect(heard).toEqual([
    { progress: 0, message: '0 s: waiting for Codex' },
    { progress: 3, message: '3 s: waiting for Codex' },
    { progress: 3.25, message: '3 s: running: npm test' },
  ])
})

test('a client that gives up detaches: the signal aborts, nothing is cancelled', async () => {
  const left = Promise.withResolvers<void>()
  await using door = await connected(
    ({ options }) =>
      new Promise((_resolve, reject) => {
        options.signal?.addEventListener('abort', () => {
          left.resolve()
          reject(new AppError('CANCELLED', 'unavailable', 'left'))
        })
      }),
  )
  const giveUp = new AbortController()
  const waiting = door.client.callTool({ name: 'codex_wait', arguments: { turn_id: 't' } }, undefined, {
    signal: giveUp.signal,
  })
  await expect.poll(() => door.calls.length).toBe(1)
  giveUp.abort()
  await expect(waiting).rejects.toThrow(/abort/i)
  await left.promise
  expect(door.calls.map(call => call.verb)).toEqual(['wait'])
})

const special: Readonly<Record<string, string>> = {
  cd: '/some/where',
  SESSION_ID: '019a0000-0000-7000-8000-000000000001',
}

test('the seven stages are prompts, each with its arguments filled in and the session carried on', async () => {
  await using door = await connected()
  const { prompts } = await door.client.listPrompts()
  expect(prompts.map(prompt => prompt.name)).toEqual([
    'analyze',
    'discuss',
    'prototype',
    'implement',
    'review',
    'adjust',
    'final_review',
  ])
  for (const prompt of prompts) {
    const values = Object.fromEntries(
      (prompt.arguments ?? []).map(({ name }) => [name, special[name] ?? `<value of ${name}>`]),
    )
    const filled = await door.client.getPrompt({ name: prompt.name, arguments: values })
    const text = textOf({ content: filled.messages.map(message => message.content) })
    for (const value of Object.values(values)) expect(text).toContain(value)
    expect(text).toContain('mcp__tandem__codex')
  }
})

test('the first stage starts a session, the others go on in the last one, in the project’s directory', async () => {
  await using door = await connected()
  const written = async (name: string, values: Record<string, string>) => {
    const { messages } = await door.client.getPrompt({ name, arguments: values })
    return textOf({ content: messages.map(message => message.content) })
  }
  const first = await written('analyze', { requirements: 'login' })
  expect(first).toContain('no `SESSION_ID`')
  expect(first).toContain('- `cd`: /project')
  expect(await written('discuss', { questions: 'why' })).toContain('- `SESSION_ID`: last')
  expect(await written('prototype', { modules: 'a.py', cd: '/other' })).toMatch(
    /unified diffs only[\s\S]*`cd`: \/other/,
  )
})

test('words that a client dealt out to the arguments are one text again', async () => {
  await using door = await connected()
  const words = { requirements: 'users', background: 'need', cd: 'to', SESSION_ID: 'register' }
  const { messages } = await door.client.getPrompt({ name: 'analyze', arguments: words })
  const text = textOf({ content: messages.map(message => message.content) })
  expect(text).toContain('## Requirements\nusers need to register\n')
  expect(text).toContain('- `cd`: /project\n- no `SESSION_ID`')
})

test.each([
  ['an argument was left out', { modules: 'a.py', SESSION_ID: 'abc' }],
  ['a value has several words', { modules: 'a.py, the login', constraints: 'typed', cd: '/p', SESSION_ID: 'abc' }],
])('what a client gave by name stays where it is: %s', async (_what, values) => {
  await using door = await connected()
  const { messages } = await door.client.getPrompt({ name: 'prototype', arguments: values })
  const text = textOf({ content: messages.map(message => message.content) })
  expect(text).toContain('- `SESSION_ID`: abc\n')
  expect(text).not.toContain('a.py abc')
})

test('a prompt that is not there, or lacks its argument, is refused by name', async () => {
  await using door = await connected()
  await expect(door.client.getPrompt({ name: 'dream' })).rejects.toThrow(/PROMPT_UNKNOWN.*analyze, discuss/)
  await expect(door.client.getPrompt({ name: 'analyze' })).rejects.toThrow(/INPUT_INVALID: requirements is missing/)
})
