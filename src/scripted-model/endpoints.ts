import type { Dialect, JsonObject } from './request-view.ts'

export type Endpoint = 'responses' | 'messages' | 'count_tokens' | 'models' | 'hello' | 'unknown'

/** Any prefix is accepted, with or without `/v1`: a base URL may carry a path of its own. */
export function endpointOf(method: string, path: string): Endpoint {
  if (method === 'HEAD') return 'hello'
  if (method === 'POST' && path.endsWith('/messages/count_tokens')) return 'count_tokens'
  if (method === 'POST' && path.endsWith('/messages')) return 'messages'
  if (method === 'POST' && path.endsWith('/responses')) return 'responses'
  if (method === 'GET' && path.endsWith('/models')) return 'models'
  if (method === 'GET' && path === '/') return 'hello'
  return 'unknown'
}

/** Whose shape an answer outside of the model endpoints gets. */
export function dialectOf(path: string, headers: Readonly<Record<string, string>>): Dialect {
  const isAnthropic = path.includes('/messages') || 'anthropic-version' in headers || 'x-api-key' in headers
  return isAnthropic ? 'messages' : 'responses'
}

export function modelsBodyOf(dialect: Dialect): JsonObject {
  if (dialect === 'responses') {
    const data = ['gpt-5.5', 'gpt-5.6-sol'].map(id => ({ id, object: 'model', created: 0, owned_by: 'scripted' }))
    return { object: 'list', data }
  }
  const data = ['claude-opus-5-5', 'claude-haiku-4-5'].map(id => ({
    type: 'model',
    id,
    display_name: `${id} (scripted)`,
    created_at: '1970-01-01T00:00:00Z',
  }))
  return { data, has_more: false, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null }
}
