import type { Dialect } from './request-view.ts'

export interface Received {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Parsed `data:` of each event, in order; empty for a JSON body. */
  readonly events: readonly Readonly<Record<string, unknown>>[]
}

/** A minimal request of one dialect, with a prompt and whatever else the test needs. */
export function bodyFor(dialect: Dialect, prompt: string, more: Readonly<Record<string, unknown>> = {}): object {
  if (dialect === 'responses') return { model: 'gpt-5.5', input: prompt, ...more }
  return { model: 'claude-opus-5-5', max_tokens: 100, messages: [{ role: 'user', content: prompt }], ...more }
}

/** Posts JSON and reads the whole answer. */
export async function post(
  url: string,
  body: object,
  options: { readonly headers?: Readonly<Record<string, string>>; readonly signal?: AbortSignal } = {},
): Promise<Received> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...options.headers },
    body: JSON.stringify(body),
    signal: options.signal ?? AbortSignal.timeout(10_000),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, events: eventsIn(text) }
}

function eventsIn(text: string): Received['events'] {
  const lines = text.split('\n').filter(line => line.startsWith('data: '))
  return lines.flatMap(line => {
    try {
      return [JSON.parse(line.slice(6))]
    } catch {
      // A malformed event is what some tests ask for: it is seen in `text`.
      return []
    }
  })
}
