import { callerHeaders, eventDataSchemas, eventSchema, errorSchema, turnAnswerSchema } from '#contracts'
import { errorStatuses } from './failure.ts'
import { jsonSchemaOf } from './json.ts'
import type { VerbDescription } from '#contracts'
import type { JsonObject } from './json.ts'
import type { Route } from './routes.ts'

/** The door's description in OpenAPI 3.1, derived from the verbs. Holds nothing secret. */
export function openApiOf(routes: readonly Route[], version: string): JsonObject {
  return {
    // The usual dialect of 3.1 is JSON Schema 2020-12, ours. To name it is a mistake to swagger-ui 5.35.
    openapi: '3.1.0',
    info: { title: 'Tandem', version, description: introduction },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    tags: [{ name: 'verbs', description: 'everything that can be asked of Tandem' }, { name: 'daemon' }],
    paths: { ...pathsOf(routes), ...ownPaths },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'the text of http.token' } },
      schemas: {
        TurnAnswer: jsonSchemaOf(turnAnswerSchema, 'output'),
        Event: jsonSchemaOf(eventSchema, 'output'),
        Error: {
          type: 'object',
          properties: { error: jsonSchemaOf(errorSchema, 'output') },
          required: ['error'],
        },
      },
      responses: {
        Error: {
          description: 'it failed: `code` stays the same and is listed in docs/errors.md',
          content: { 'application/json': { schema: ref('schemas/Error') } },
        },
      },
    },
  }
}

const introduction = [
  'Every verb of Tandem over HTTP, on 127.0.0.1 only. The token is in the file `http.token` of the state directory.',
  'A call only waits: whoever leaves is detached, and the turn goes on.',
  'What cannot be made out from here is in docs/http.md; `/mcp` is the MCP server (streamable HTTP, with the same token).',
  'Verbs that stream answer `Accept: text/event-stream` with one server-sent event for each event, then `answer` or `error`.',
].join(' ')

function pathsOf(routes: readonly Route[]): JsonObject {
  const paths = [...new Set(routes.map(route => route.path))]
  return Object.fromEntries(
    paths.map(path => {
      const here = routes.filter(route => route.path === path)
      return [path, Object.fromEntries(here.map(route => [route.method.toLowerCase(), operationOf(route)]))]
    }),
  )
}

function operationOf(route: Route): JsonObject {
  const { description } = route
  const body = route.method === 'GET' ? undefined : bodyOf(route)
  return {
    operationId: route.verb,
    tags: ['verbs'],
    summary: description.summary,
    parameters: parametersOf(route),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      '200': { description: 'the answer', content: contentOf(description) },
      ...Object.fromEntries(errorStatuses.map(status => [String(status), ref('responses/Error')])),
    },
  }
}

function parametersOf(route: Route): readonly JsonObject[] {
  const inPath = route.pathMembers.map(name => parameterOf(route, name, 'path'))
  const names = Object.keys(route.members).filter(name => !route.pathMembers.includes(name))
  const inQuery = route.method === 'GET' ? names.map(name => parameterOf(route, name, 'query')) : []
  return [
    ...inPath,
    ...inQuery,
    ...('idempotency_key' in route.members
      ? [header('Idempotency-Key', 'the same as `idempotency_key`: the same key never runs twice')]
      : []),
    ...('cursor' in route.members ? [header('Last-Event-ID', 'the last event that was seen; wins over `cursor`')] : []),
    header(callerHeaders.project_dir, 'what "last" means: the directory of the project, percent-encoded'),
    header(callerHeaders.claude_session_id, 'what "last" means: the session of Claude Code'),
  ]
}

function parameterOf(route: Route, name: string, place: 'path' | 'query'): JsonObject {
  const { description, ...schema } = route.members[name] ?? {}
  return {
    name,
    in: place,
    required: place === 'path' || route.required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema,
  }
}

const header = (name: string, description: string): JsonObject => ({
  name,
  in: 'header',
  required: false,
  description,
  schema: { type: 'string' },
})

function bodyOf(route: Route): JsonObject | undefined {
  const members = Object.entries(route.members).filter(([name]) => !route.pathMembers.includes(name))
  if (members.length === 0) return undefined
  const required = route.required.filter(name => !route.pathMembers.includes(name))
  const schema = {
    type: 'object',
    properties: Object.fromEntries(members),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  }
  // Only what is needed, or a page would offer every member with a value that nobody wants.
  const example = Object.fromEntries(required.map(name => [name, exampleOf(name, route.members[name])]))
  return { required: required.length > 0, content: { 'application/json': { schema, example } } }
}

function exampleOf(name: string, schema: JsonObject | undefined): unknown {
  if (schema?.['type'] === 'string') return schema['description'] ?? name
  return schema?.['default'] ?? null
}

function contentOf(description: VerbDescription): JsonObject {
  const schema =
    description.output === turnAnswerSchema ? ref('schemas/TurnAnswer') : jsonSchemaOf(description.output, 'output')
  const json = { 'application/json': { schema } }
  if (!description.annotations.isStreaming) return json
  return { ...json, 'text/event-stream': { schema: streamSchema } }
}

/** OpenAPI 3.1 has no words for server-sent events: what one `data` holds is described, and the names in prose. */
const streamSchema = {
  type: 'string',
  description: [
    'server-sent events: `id` is the seq of the event and the cursor to come back with, `event` its kind, `data` the event as JSON',
    '(`#/components/schemas/Event`). At the end `event: answer` with the JSON answer, or `event: error` with',
    '`#/components/schemas/Error`. A line that begins with a colon means nothing.',
    `Kinds: ${Object.keys(eventDataSchemas).join(', ')}; a newer daemon may have more.`,
  ].join(' '),
}

function plain(summary: string, ok: string, notOk?: string): JsonObject {
  const text = (description: string): JsonObject => ({
    description,
    content: { 'text/plain': { schema: { type: 'string' } } },
  })
  return {
    get: {
      tags: ['daemon'],
      summary,
      security: [],
      responses: { '200': text(ok), ...(notOk === undefined ? {} : { '503': text(notOk) }) },
    },
  }
}

const ownPaths: JsonObject = {
  '/healthz': plain('is the daemon alive', 'it answers'),
  '/readyz': plain('does the daemon take work', 'it does', 'it stops, or cannot store anything'),
}

const ref = (name: string): JsonObject => ({ $ref: `#/components/${name}` })
