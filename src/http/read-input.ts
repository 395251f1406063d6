import { memberTwice, requestMalformed } from './errors.ts'
import { readJsonBody } from './read-body.ts'
import type { JsonObject } from './json.ts'
import type { Route } from './routes.ts'

export interface InputRequest {
  readonly headers: Headers
  readonly url: string
  readonly body: ReadableStream<Uint8Array> | null
  /** What stands in the path, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly maxBodyBytes: number
}

/**
 * The members of a verb's input, wherever they stand: in the path, in the query of a GET, otherwise in the JSON body. Values of path and
 * query get the type that the schema names; what does not fit stays text, and the schema says what is wrong.
 */
export async function readInput(route: Route, request: InputRequest): Promise<JsonObject> {
  if (route.method !== 'GET' && new URL(request.url).search !== '')
    throw requestMalformed(`a query, which ${route.method} does not take: members stand in the body`)
  const given = route.method === 'GET' ? queryOf(route, request.url) : await readJsonBody(request)
  const inPath = Object.fromEntries(
    Object.entries(request.params).map(([name, text]) => [name, valueOf(route, name, text)] as const),
  )
  const headers = headerMembers(route, request.headers)
  return merged(merged(given, inPath, 'path'), headers, 'header')
}

function queryOf(route: Route, url: string): JsonObject {
  const query = new URL(url).searchParams
  return Object.fromEntries(
    [...new Set(query.keys())].map(name => {
      const texts = query.getAll(name)
      const [only = ''] = texts
      if (route.members[name]?.['type'] === 'array') return [name, texts]
      return [name, texts.length === 1 ? valueOf(route, name, only) : texts]
    }),
  )
}

function valueOf(route: Route, name: string, text: string): unknown {
  const type = route.members[name]?.['type']
  if ((type === 'integer' || type === 'number') && /^-?\d{1,15}(?:\.\d+)?$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

/** Two headers that HTTP has for what two members say. */
function headerMembers(route: Route, headers: Headers): JsonObject {
  const key = headers.get('idempotency-key')
  const cursor = headers.get('last-event-id')
  return {
    ...(key === null || !('idempotency_key' in route.members) ? {} : { idempotency_key: key }),
    // Where a reader was cut, not where its address said that it began.
    ...(cursor === null || !('cursor' in route.members) ? {} : { cursor: valueOf(route, 'cursor', cursor) }),
  }
}

function merged(given: JsonObject, more: JsonObject, place: 'path' | 'header'): JsonObject {
  for (const [name, value] of Object.entries(more)) {
    const isFreeToDiffer = place === 'header' && name === 'cursor'
    if (Object.hasOwn(given, name) && given[name] !== value && !isFreeToDiffer)
      throw memberTwice(name, place === 'path' ? 'in the path, and in the query or the body' : 'as a header, too')
  }
  return { ...given, ...more }
}
