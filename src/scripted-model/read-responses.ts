import { isObject, objectsIn, stringsIn, summaryOf, textOf, textOfContent } from './request-view.ts'
import type { Entry, JsonObject, OfferedTool, RequestView, SideKind } from './request-view.ts'

/** Reads a request of OpenAI Responses. `input` may be a string, as the SDKs allow. */
export function readResponses(body: JsonObject, headers: RequestView['headers'], bodyBytes: number): RequestView {
  const input =
    typeof body['input'] === 'string' ? [{ role: 'user', content: body['input'] }] : objectsIn(body['input'])
  return {
    dialect: 'responses',
    model: textOf(body['model']),
    stream: body['stream'] === true,
    ...summaryOf(input.flatMap(entryOf)),
    tools: toolsIn(body, input),
    side: sideOf(headers),
    headers,
    bodyBytes,
    allText: () => stringsIn(body),
  }
}

function entryOf(item: JsonObject): readonly Entry[] {
  const type = textOf(item['type'])
  if (type.endsWith('_output')) return [{ kind: 'result', text: textOfContent(item['output']) }]
  if (type === 'reasoning' || type.endsWith('_call') || item['role'] === 'assistant') return [{ kind: 'answer' }]
  if (item['role'] !== 'user') return []
  const text = promptIn(item['content'])
  return text === '' ? [] : [{ kind: 'prompt', text }]
}

/** Codex adds its own blocks under the role `user`, alone or beside the prompt: each starts with one of these. */
const addedByCodex =
  /^\s*(?:# AGENTS\.md instructions\b|Another language model started to solve this problem\b|<(?:environment_context|user_instructions|turn_aborted|user_shell_command|skill|subagent_notification|hook_prompt|image|\/image|INSTRUCTIONS|permissions instructions)\b)/

function promptIn(content: unknown): string {
  if (typeof content === 'string') return addedByCodex.test(content) ? '' : content
  return textOfContent(objectsIn(content).filter(block => !addedByCodex.test(textOf(block['text']))))
}

/** Newer models are offered their tools inside `input`; those with `exec` reach all others by a script. */
function toolsIn(body: JsonObject, input: readonly JsonObject[]): readonly OfferedTool[] {
  const late = input.filter(item => item['type'] === 'additional_tools' || item['type'] === 'tool_search_output')
  const offered = [body, ...late].flatMap(holder => objectsIn(holder['tools'])).flatMap(tool => toolOf(tool, undefined))
  const script = stringsIn([body['tools'], late.map(item => item['tools'])])
  const nested = Array.from(script.matchAll(/declare const tools: \{ (\w+)\(/g), found => found[1] ?? '')
  return [...offered, ...nested.map((name): OfferedTool => ({ name, kind: 'nested' }))]
}

function toolOf(tool: JsonObject, namespace: string | undefined): readonly OfferedTool[] {
  const name = textOf(tool['name'])
  if (tool['type'] === 'namespace') return objectsIn(tool['tools']).flatMap(inner => toolOf(inner, name))
  const kind = tool['type'] === 'custom' ? 'custom' : 'function'
  return [{ name: name === '' ? textOf(tool['type']) : name, kind, ...(namespace === undefined ? {} : { namespace }) }]
}

/** Codex says in a header what a request is for. */
function sideOf(headers: RequestView['headers']): SideKind | undefined {
  const metadata = objectIn(headers['x-codex-turn-metadata'])
  if (metadata['thread_source'] === 'thread_title') return 'title'
  if (textOf(metadata['request_kind']).includes('compact')) return 'summary'
  return undefined
}

function objectIn(json: string | undefined): JsonObject {
  try {
    const parsed: unknown = JSON.parse(json ?? '{}')
    return isObject(parsed) ? parsed : {}
  } catch {
    // Not Codex's header, or another version of it: then the request is an ordinary one.
    return {}
  }
}
