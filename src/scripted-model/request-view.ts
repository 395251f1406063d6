/** The two wire protocols that are spoken. */
export type Dialect = 'responses' | 'messages'

export type JsonObject = Readonly<Record<string, unknown>>

/** A tool as the client offers it; `nested` ones can only be called by a script of the tool `exec`. */
export interface OfferedTool {
  readonly name: string
  readonly kind: 'function' | 'custom' | 'nested'
  readonly namespace?: string
}

/** What a rule can see of a model request, the same for both protocols. */
export interface RequestView {
  readonly dialect: Dialect
  readonly model: string
  readonly stream: boolean
  /** What the person (or calling program) wrote last, without what the clients add by themselves. */
  readonly lastText: string
  /** How many answers of the model the request holds, and how many of them came after `lastText`. */
  readonly turns: number
  readonly turnsSincePrompt: number
  /** Results that came back since the model's last answer; empty when the request ends otherwise. */
  readonly newResults: readonly string[]
  /** All tool results of the request, oldest first. */
  readonly toolResults: readonly string[]
  readonly tools: readonly OfferedTool[]
  /** What kind of request the client made for itself, if it did. */
  readonly side: SideKind | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly bodyBytes: number
  /** Every string of the body, for `anyText`. Built when asked for. */
  allText(): string
}

/** What a client asks the model for by itself, beside the work. */
export type SideKind = 'title' | 'summary' | 'suggestion' | 'quota'

/** One part of a conversation, in the order it was said. */
export type Entry =
  | { readonly kind: 'prompt'; readonly text: string }
  | { readonly kind: 'answer' }
  | { readonly kind: 'result'; readonly text: string }

/** What the entries of a conversation say about it. */
export function summaryOf(
  entries: readonly Entry[],
): Pick<RequestView, 'lastText' | 'turns' | 'turnsSincePrompt' | 'newResults' | 'toolResults'> {
  const promptAt = entries.findLastIndex(entry => entry.kind === 'prompt')
  const prompt = entries[promptAt]
  const lastAnswer = entries.findLastIndex(entry => entry.kind === 'answer')
  return {
    lastText: prompt?.kind === 'prompt' ? prompt.text : '',
    turns: answersIn(entries),
    turnsSincePrompt: answersIn(entries.slice(promptAt + 1)),
    newResults: promptAt > lastAnswer ? [] : resultsIn(entries.slice(lastAnswer + 1)),
    toolResults: resultsIn(entries),
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The text of a content that is a string or a list of blocks with `text`. */
export function textOfContent(content: unknown): string {
  if (typeof content === 'string') return content
  return objectsIn(content)
    .map(block => textOf(block['text']))
    .filter(text => text !== '')
    .join('\n')
}

/** Every string value in a tree, one a line. */
export function stringsIn(value: unknown): string {
  const found: string[] = []
  const rest: unknown[] = [value]
  while (rest.length > 0) {
    const next = rest.pop()
    if (typeof next === 'string') found.push(next)
    if (typeof next === 'object' && next !== null) rest.push(...Object.values(next).toReversed())
  }
  return found.join('\n')
}

/** Neighbouring parts of one answer (text, reasoning, calls) count once. */
function answersIn(entries: readonly Entry[]): number {
  return entries.filter((entry, at) => entry.kind === 'answer' && entries[at - 1]?.kind !== 'answer').length
}

function resultsIn(entries: readonly Entry[]): readonly string[] {
  return entries.flatMap(entry => (entry.kind === 'result' ? [entry.text] : []))
}
