import { isObject, objectsIn, stringsIn, summaryOf, textOf, textOfContent } from './request-view.ts'
import type { Entry, JsonObject, RequestView, SideKind } from './request-view.ts'

/** Reads a request of Anthropic Messages. */
export function readMessages(body: JsonObject, headers: RequestView['headers'], bodyBytes: number): RequestView {
  const messages = objectsIn(body['messages'])
  const summary = summaryOf(messages.flatMap(entriesOf))
  return {
    dialect: 'messages',
    model: textOf(body['model']),
    stream: body['stream'] === true,
    ...summary,
    tools: objectsIn(body['tools']).map(tool => ({ name: textOf(tool['name']), kind: 'function' })),
    side: sideOf(body, summary.lastText),
    headers,
    bodyBytes,
    allText: () => stringsIn(body),
  }
}

/** Results come before the text of the same message: what Claude Code adds to a result is not a new prompt. */
function entriesOf(message: JsonObject): readonly Entry[] {
  if (message['role'] === 'assistant') return [{ kind: 'answer' }]
  if (message['role'] !== 'user') return []
  const content = message['content']
  if (typeof content === 'string') return promptOf([content])
  const blocks = objectsIn(content)
  const results = blocks
    .filter(block => block['type'] === 'tool_result')
    .map((block): Entry => ({ kind: 'result', text: textOfContent(block['content']) }))
  const texts = blocks.filter(block => block['type'] === 'text').map(block => textOf(block['text']))
  return [...results, ...promptOf(texts)]
}

function promptOf(texts: readonly string[]): readonly Entry[] {
  const own = texts.map(withoutReminders).filter(text => text !== '')
  return own.length === 0 ? [] : [{ kind: 'prompt', text: own.join('\n') }]
}

function withoutReminders(text: string): string {
  return text.replace(/<system-reminder>[\s\S]*?<\/system-reminder>/g, '').trim()
}

/** Claude Code's requests for itself, known by their form where they have one. */
function sideOf(body: JsonObject, lastText: string): SideKind | undefined {
  if (lastText.startsWith('[SUGGESTION MODE')) return 'suggestion'
  if (/^CRITICAL: Respond with TEXT ONLY\b[\s\S]*<summary>/.test(lastText)) return 'summary'
  if (body['max_tokens'] === 1 && (lastText === 'quota' || lastText === '.')) return 'quota'
  if (objectsIn(body['tools']).length === 0 && isTitleFormat(body['output_config'])) return 'title'
  return undefined
}

function isTitleFormat(outputConfig: unknown): boolean {
  const title = ['format', 'schema', 'properties', 'title'].reduce<unknown>(
    (value, key) => (isObject(value) ? value[key] : undefined),
    outputConfig,
  )
  return title !== undefined
}
