import { promptArgumentMissing, promptUnknown } from './errors.ts'
import { stages } from './stages.ts'
import type { GetPromptResult, Prompt } from '@modelcontextprotocol/sdk/types.js'
import type { Stage, StageValues } from './stages.ts'

/** The seven stages of working with Codex, in their order. */
export function promptList(): Prompt[] {
  return stages.map(stage => ({
    name: stage.name,
    title: stage.title,
    description: stage.description,
    arguments: [...stage.arguments, ...sharedArguments(stage)],
  }))
}

/** One stage's prompt with its arguments filled in; `projectDir` is where Codex works unless the arguments say otherwise. */
export function writePrompt(
  name: string,
  given: Readonly<Record<string, string>>,
  projectDir: string | undefined,
): GetPromptResult {
  const stage = stages.find(candidate => candidate.name === name)
  if (stage === undefined)
    throw promptUnknown(
      name,
      stages.map(known => known.name),
    )
  const values = valuesOf(stage, given)
  const missing = stage.arguments.find(argument => argument.required && values[argument.name] === undefined)
  if (missing !== undefined) throw promptArgumentMissing(name, missing.name)
  const text = [heading(stage), stage.write(values), callLines(stage, values, projectDir), splitNote].join('\n\n')
  return { description: stage.description, messages: [{ role: 'user', content: { type: 'text', text } }] }
}

function sharedArguments(stage: Stage): NonNullable<Prompt['arguments']> {
  const session = stage.isFirst
    ? 'session to go on in; without it a new one is started'
    : 'session to go on in; default: "last", the one of the stage before'
  return [
    { name: 'cd', description: 'absolute path of the project; default: the directory that you work in' },
    { name: 'SESSION_ID', description: session },
  ]
}

/**
 * Claude Code 2.1.329 deals out a command's words to the arguments one by one, so that a sentence ends up in `cd` and
 * `SESSION_ID`, too. When one of these cannot be what it is called, the words are one text again: the first argument.
 * Arguments that a client gave by name stay where they are.
 */
function valuesOf(stage: Stage, given: Readonly<Record<string, string>>): StageValues {
  const names = [...stage.arguments, ...sharedArguments(stage)].map(argument => argument.name)
  const values = names.flatMap(name => {
    const value = given[name]?.trim() ?? ''
    return value === '' ? [] : [[name, value] as const]
  })
  const isOdd = values.some(
    ([name, value]) =>
      (name === 'cd' && !value.startsWith('/')) || (name === 'SESSION_ID' && !sessionPattern.test(value)),
  )
  if (!isOdd || !areDealtOut(names, values)) return Object.fromEntries(values)
  return { [names[0] ?? '']: values.map(([, value]) => value).join(' ') }
}

/** One word each, from the first argument on without a gap. */
const areDealtOut = (names: readonly string[], values: readonly (readonly [string, string])[]): boolean =>
  values.every(([name, value], at) => name === names[at] && !/\s/.test(value))

/** Ids of Codex are UUIDs. */
const sessionPattern = /^(?:last|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i

function heading(stage: Stage): string {
  return `# Working with Codex, stage ${stages.indexOf(stage) + 1} of ${stages.length}: ${stage.title}`
}

function callLines(stage: Stage, values: StageValues, projectDir: string | undefined): string {
  const cd = values['cd'] ?? projectDir ?? 'the absolute path of the directory that you work in'
  const session = values['SESSION_ID'] ?? (stage.isFirst ? undefined : 'last')
  return [
    stage.isCallOptional ? 'Should you have to ask Codex, call' : 'Make the call with',
    `the tool \`codex\` of the MCP server tandem (mcp__tandem__codex) with:`,
    `- \`PROMPT\`: ${stage.isCallOptional ? 'your question' : 'the text between the two rulers above, completed as said'}`,
    `- \`cd\`: ${cd}`,
    session === undefined
      ? '- no `SESSION_ID`: this starts a new session. Keep the `SESSION_ID` of the answer: every later stage passes it'
      : `- \`SESSION_ID\`: ${session}${session === 'last' ? ' (or, better, the SESSION_ID that the earlier stages answered)' : ''}`,
    '- `sandbox`: "read-only"',
    'When `status` is "running", call `codex_wait` with the `turn_id` until it has ended. When the call is an error, tell the person its code, message and hint.',
  ].join('\n')
}

/** What is over after the last argument is dropped, but the model sees the whole line. */
const splitNote =
  'Claude Code cuts a command at every space, so the parts above may be cut off or in the wrong place. If a `<command-args>` ' +
  'element stands near this text, it holds everything that the person wrote: take the full wording from there, and put each part where it belongs.'
