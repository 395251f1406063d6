import { expect, test } from 'vitest'
import { applyPatch, atMost, callTool, failWith, rule, say, scenario, shell, startScriptedModel } from './index.ts'
import { bodyFor, post } from './test-client.ts'
import type { Rule, Step } from './index.ts'
import type { Received } from './test-client.ts'

type Ask = (path: 'responses' | 'messages', body: object, headers?: Record<string, string>) => Promise<Received>

async function withRules(rules: readonly Rule[], run: (ask: Ask) => Promise<void>): Promise<void> {
  await using model = await startScriptedModel({ scenario: scenario('rules', rules) })
  await run((path, body, headers = {}) => post(`${model.url}/v1/${path}`, body, { headers }))
}

/** The text of a non-streaming answer, or its call. */
function said(received: Received): unknown {
  const body = JSON.parse(received.text)
  const item = (body.output ?? body.content)[0]
  if (item.type === 'message') return item.content[0].text
  return item.text ?? item
}

test('the first rule that fits wins, a limited rule hands over, replies follow each other and the last repeats', async () => {
  const rules = [atMost(1, rule('once', { lastText: 'hi' }, [say('first')])), rule('rest', {}, [say('a')], [say('b')])]
  await withRules(rules, async ask => {
    const answers = []
    for (let i = 0; i < 4; i += 1) answers.push(said(await ask('responses', bodyFor('responses', 'hi'))))
    expect(answers).toEqual(['first', 'a', 'b', 'b'])
  })
})

test('a pattern fits the same text every time: what would remember where it was is not a pattern', async () => {
  const rules = [rule('text', { lastText: '/hi/y' }, [say('text')]), rule('model', { model: '/hi/g' }, [say('model')])]
  await withRules(rules, async ask => {
    const answers = []
    for (const text of ['a /hi/y', 'a /hi/y', 'hi', 'hi'])
      answers.push(said(await ask('responses', bodyFor('responses', text, { model: '/hi/g' }))))
    expect(answers).toEqual(['text', 'text', 'model', 'model'])
  })
})

test('an unmatched request gets a clear text, so that no client hangs', async () => {
  await using model = await startScriptedModel({ scenario: scenario('none', []) })
  const got = await post(`${model.url}/v1/messages`, bodyFor('messages', 'what "now"'))
  expect(said(got)).toBe('scripted model: no rule matches "what \\"now\\""')
  expect(model.requests).toMatchObject([{ rule: undefined, outcome: 'unmatched', lastText: 'what "now"' }])
  model.setScenario(scenario('other', [], { steps: [say('fallback')] }))
  const other = await post(`${model.url}/v1/messages`, bodyFor('messages', 'x'))
  expect([said(other), other.headers.get('x-tandem-scripted')]).toEqual(['fallback', 'other'])
})

test('dialect, model, stream, header and offered tools decide', async () => {
  const rules = [
    rule('messages', { dialect: 'messages' }, [say('messages')]),
    rule('model', { model: 'gpt-5.6-sol' }, [say('exact model')]),
    rule('models', { model: '/^o\\d/' }, [say('model pattern')]),
    rule('header', { header: { 'X-Kind': '/^a+$/' } }, [say('header')]),
    rule('tools', { tools: ['look', 'deep'] }, [say('tools')]),
    rule('rest', { stream: false }, [say('rest')]),
  ]
  await withRules(rules, async ask => {
    const namespace = { type: 'namespace', name: 'ns', tools: [{ type: 'function', name: 'deep' }] }
    const tools = [{ type: 'function', name: 'look' }, namespace]
    expect([
      said(await ask('messages', bodyFor('messages', 'x'))),
      said(await ask('responses', bodyFor('responses', 'x', { model: 'gpt-5.6-sol' }))),
      said(await ask('responses', bodyFor('responses', 'x', { model: 'o3' }))),
      said(await ask('responses', bodyFor('responses', 'x'), { 'x-kind': 'aa' })),
      said(await ask('responses', bodyFor('responses', 'x', { tools }))),
      said(await ask('responses', bodyFor('responses', 'x', { tools: [namespace] }))),
    ]).toEqual(['messages', 'exact model', 'model pattern', 'header', 'tools', 'rest'])
  })
})

test('lastText is what the person wrote: what Codex adds around it is not seen, anyText sees all', async () => {
  const user = (...texts: string[]) => ({ role: 'user', content: texts.map(text => ({ type: 'input_text', text })) })
  const rules = [
    rule('any', { anyText: '/<cwd>(.*)<\\/cwd>/', lastText: '' }, [say('{{lastText}} in {{header.thread-id}}')]),
  ]
  await withRules(rules, async ask => {
    const input = [
      user(
        '# AGENTS.md instructions for /w\n\nbe kind',
        '<environment_context>\n  <cwd>/w</cwd>\n</environment_context>',
      ),
      user('look', 'around'),
      user('<environment_context><cwd>/other</cwd></environment_context>'),
      { role: 'developer', content: [{ type: 'input_text', text: 'later' }] },
    ]
    expect(said(await ask('responses', { model: 'm', input }, { 'thread-id': 't1' }))).toBe('look\naround in t1')
  })
})

test('lastText is what the person wrote: reminders of Claude Code and system messages are not seen', async () => {
  await withRules([rule('all', {}, [say('[{{lastText}}]')])], async ask => {
    const text = (value: string) => ({ type: 'text', text: value })
    const messages = [
      {
        role: 'user',
        content: [
          text('<system-reminder>\nrules\n</system-reminder>'),
          text('do it<system-reminder>x</system-reminder>'),
        ],
      },
      { role: 'system', content: 'environment' },
    ]
    expect(said(await ask('messages', { model: 'm', messages }))).toBe('[do it]')
  })
})

test('turn and sincePrompt count the answers of the model, lastToolResult only what just came back', async () => {
  const rules = [
    rule('back', { lastToolResult: '/id (\\w+)/', turn: 2, sincePrompt: 1 }, [say('got {{match.1}}')]),
    rule('new', { sincePrompt: 0 }, [say('new prompt {{toolResult.SESSION_ID}} {{toolResult.none}}')]),
  ]
  await withRules(rules, async ask => {
    const before = [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'ok' },
      { role: 'user', content: 'two' },
      { type: 'reasoning', summary: [] },
      { type: 'function_call', name: 'f', arguments: '{}', call_id: 'c' },
      {
        type: 'function_call_output',
        call_id: 'c',
        output: [{ type: 'input_text', text: 'Output:\n{"SESSION_ID":"s 1"} id abc' }],
      },
    ]
    expect(said(await ask('responses', { model: 'm', input: before }))).toBe('got abc')
    const after = [...before, { role: 'assistant', content: 'done' }, { role: 'user', content: 'three' }]
    expect(said(await ask('responses', { model: 'm', input: after }))).toBe('new prompt s 1 {{toolResult.none}}')
  })
})

test('templates reach into the newest tool result that has the path, and into arguments', async () => {
  const call = callTool('codex', { SESSION_ID: '{{toolResult.SESSION_ID}}', n: [1, '{{toolResult.list.1.a}}', true] })
  await withRules([rule('again', { turn: 2 }, [call])], async ask => {
    const use = (id: string) => ({ role: 'assistant', content: [{ type: 'tool_use', id, name: 'codex', input: {} }] })
    const result = (id: string, content: unknown) => ({
      role: 'user',
      content: [{ type: 'tool_result', tool_use_id: id, content }],
    })
    const messages = [
      { role: 'user', content: 'go' },
      use('1'),
      result('1', '{"SESSION_ID":"s1","list":[0,{"a":5}]}'),
      use('2'),
      result('2', [{ type: 'text', text: 'file written' }]),
    ]
    expect(said(await ask('messages', { model: 'm', messages }))).toMatchObject({
      type: 'tool_use',
      input: { SESSION_ID: 's1', n: [1, '5', true] },
    })
  })
})

const exec = {
  type: 'custom',
  name: 'exec',
  description:
    'declare const tools: { exec_command(args: {cmd: string}): x; };\ndeclare const tools: { apply_patch(input: string): y; };',
}
const late = { type: 'additional_tools', tools: [{ type: 'namespace', name: 'functions', tools: [exec] }] }

test.each([
  [
    'a function',
    shell('ls'),
    { tools: [{ type: 'function', name: 'exec_command' }] },
    { type: 'function_call', name: 'exec_command', arguments: '{"cmd":"ls"}' },
  ],
  [
    'an older function',
    shell('ls'),
    { tools: [{ type: 'function', name: 'shell_command' }] },
    { name: 'shell_command', arguments: '{"command":"ls"}' },
  ],
  [
    'a free-form tool',
    applyPatch('P'),
    { tools: [{ type: 'custom', name: 'apply_patch' }] },
    { type: 'custom_tool_call', name: 'apply_patch', input: 'P' },
  ],
  [
    'a script',
    shell('ls'),
    { input: [late] },
    {
      type: 'custom_tool_call',
      name: 'exec',
      namespace: 'functions',
      input: 'text((await tools.exec_command({"cmd":"ls"})).output)',
    },
  ],
  [
    'a script for a patch',
    applyPatch('P\n'),
    { input: [late] },
    { type: 'custom_tool_call', name: 'exec', input: 'text(await tools.apply_patch("P\\n"))' },
  ],
  ['nothing that is offered', callTool('ghost', 'raw'), {}, { type: 'function_call', name: 'ghost', arguments: 'raw' }],
] as [string, Step, object, object][])(
  'calls a tool the way Codex offers it: %s',
  async (_how, step, more, expected) => {
    await withRules([rule('call', {}, [step])], async ask => {
      expect(said(await ask('responses', { model: 'm', input: 'x', ...more }))).toMatchObject(expected)
    })
  },
)

test('a step that needs a tool which is not offered fails with the names of those that are', async () => {
  await withRules([rule('call', {}, [shell('ls')])], async ask => {
    const got = await ask('messages', bodyFor('messages', 'x', { tools: [{ name: 'Read' }] }))
    expect(got.status).toBe(400)
    expect(JSON.parse(got.text).error.message).toContain('no tool to run a command; it offers: Read')
  })
})

test("requests of the clients' own get built-in answers unless a rule asks for them", async () => {
  const title = { output_config: { format: { type: 'json_schema', schema: { properties: { title: {} } } } } }
  const metadata = { 'x-codex-turn-metadata': JSON.stringify({ thread_source: 'thread_title', request_kind: 'turn' }) }
  const summary = expect.stringContaining('<summary>')
  await using model = await startScriptedModel({
    scenario: scenario('side', [atMost(1, rule('all', {}, [say('main')]))]),
  })
  const ask = async (path: string, body: object, headers = {}) =>
    said(await post(`${model.url}/v1/${path}`, body, { headers }))
  expect([
    await ask('messages', bodyFor('messages', '<session>hi</session>', title)),
    await ask('responses', bodyFor('responses', 'Generate a title: hi'), metadata),
    await ask('messages', bodyFor('messages', 'quota', { max_tokens: 1 })),
    await ask('messages', bodyFor('messages', '[SUGGESTION MODE: x]')),
    await ask('messages', bodyFor('messages', 'CRITICAL: Respond with TEXT ONLY. … a <summary> block')),
    await ask('responses', bodyFor('responses', 'x'), { 'x-codex-turn-metadata': '{"request_kind":"compaction"}' }),
    await ask('messages', bodyFor('messages', 'hi')),
  ]).toEqual(['{"title":"Scripted session"}', '{"title":"Scripted session"}', 'ok', 'go on', summary, summary, 'main'])
  expect(model.requests.map(request => request.rule)).toEqual([
    'built-in: title',
    'built-in: title',
    'built-in: quota',
    'built-in: suggestion',
    'built-in: summary',
    'built-in: summary',
    'all',
  ])
  model.setScenario(scenario('side', [rule('title', { side: true }, [failWith(400, 'no title')])]))
  const refused = await post(`${model.url}/v1/messages`, bodyFor('messages', 'x', title))
  expect(refused.status).toBe(400)
})
