import { expect, test } from 'vitest'
import { connected, textOf } from './test-harness.ts'

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
