import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { httpBase, verbs } from '#contracts'
import type { VerbDescription } from '#contracts'
import { openTestDoor } from './test-harness.ts'
import type { TestDoor } from './test-harness.ts'

type Json = Readonly<Record<string, unknown>>
interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly schema: Json
}
interface Operation {
  readonly operationId?: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: {
    readonly content: { readonly 'application/json': { readonly schema: { readonly properties: Json } } }
  }
  readonly responses: Readonly<Record<string, { readonly content?: Json; readonly $ref?: string }>>
  readonly security?: readonly Json[]
}
interface OpenApi {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly securitySchemes: Json }
  readonly security: readonly Json[]
}

let test: TestDoor
let document: OpenApi
beforeAll(async () => {
  test = await openTestDoor()
  document = (await (await test.get('/openapi.json', {})).json()) as OpenApi
})
afterAll(() => test[Symbol.asyncDispose]())

const operations = (): readonly (readonly [string, string, Operation])[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [path, method, operation] as const),
  )

/** Every object in the document, with the way to it. */
function* nodesOf(value: unknown, way = '#'): Generator<readonly [string, Json]> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield [way, value as Json]
  for (const [name, inner] of Object.entries(value)) yield* nodesOf(inner, `${way}/${name}`)
}

function lookUp(reference: string): unknown {
  return reference
    .replace(/^#\//, '')
    .split('/')
    .map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((found, part) => (found as Json | undefined)?.[part], document)
}

describe('openapi.json', () => {
  it('describes every verb that has a route, and nothing that is none', () => {
    const described = operations().flatMap(([path, method, { operationId }]) =>
      operationId === undefined ? [] : `${operationId} ${method} ${path}`,
    )
    const all: readonly VerbDescription[] = Object.values(verbs)
    const routes = all.flatMap(({ name, doors }) =>
      doors.http === undefined ? [] : `${name} ${doors.http.method.toLowerCase()} ${httpBase}${doors.http.path}`,
    )
    expect(routes.length).toBeGreaterThan(10)
    expect(described.sort()).toEqual(routes.sort())
    expect(new Set(described.map(line => line.split(' ')[0])).size).toBe(described.length)
  })

  it('leads with every reference to what is there', () => {
    const references = [...nodesOf(document)].flatMap(([way, node]) =>
      typeof node['$ref'] === 'string' ? [[way, node['$ref']] as const] : [],
    )
    expect(references.length).toBeGreaterThan(20)
    expect(references.filter(([, reference]) => lookUp(reference) === undefined)).toEqual([])
  })

  it('has a parameter for each place in a path, and each member of an input exactly once', () => {
    for (const [path, method, operation] of operations()) {
      const parameters = operation.parameters ?? []
      const inPath = parameters.filter(parameter => parameter.in === 'path')
      const places = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name)
      expect([path, inPath.map(({ name }) => name)]).toEqual([path, places])
      expect(inPath.every(({ required }) => required)).toBe(true)
      const keys = parameters.map(parameter => `${parameter.in} ${parameter.name}`)
      expect(new Set(keys).size).toBe(keys.length)
      if (operation.operationId === undefined) continue
      const description: VerbDescription = verbs[operation.operationId as keyof typeof verbs]
      const body = operation.requestBody?.content['application/json'].schema.properties ?? {}
      const members = [...parameters.filter(({ in: place }) => place !== 'header'), ...Object.keys(body)].map(member =>
        typeof member === 'string' ? member : member.name,
      )
      const shape = (description.input as unknown as { readonly shape: Json }).shape
      expect([path, method, members.sort()]).toEqual([path, method, Object.keys(shape).sort()])
    }
  })

  it('offers for each body an example that its verb takes', () => {
    for (const [path, , operation] of operations()) {
      const content = operation.requestBody?.content['application/json'] as { readonly example?: object } | undefined
      if (content === undefined || operation.operationId === undefined) continue
      const inPath = (operation.parameters ?? []).filter(parameter => parameter.in === 'path')
      const input = { ...content.example, ...Object.fromEntries(inPath.map(({ name }) => [name, 'x'])) }
      const parsed = verbs[operation.operationId as keyof typeof verbs].input.safeParse(input)
      expect([path, parsed.error?.issues]).toEqual([path, undefined])
    }
  })

  it('says of each operation how it answers, fails and streams', () => {
    for (const [path, , { operationId, responses }] of operations()) {
      const content = responses['200']?.content ?? {}
      expect([path, Object.keys(content).length > 0]).toEqual([path, true])
      if (operationId === undefined) continue
      const { annotations } = verbs[operationId as keyof typeof verbs]
      expect([path, 'text/event-stream' in content]).toEqual([path, annotations.isStreaming])
      for (const status of ['400', '401', '403', '404', '405', '409', '413', '415', '429', '500', '503', '504'])
        expect([path, status, responses[status]?.$ref]).toEqual([path, status, '#/components/responses/Error'])
    }
  })

  it('wants the token everywhere but where none is needed, which is so', async () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document.security).toEqual([{ token: [] }])
    expect(document.components.securitySchemes['token']).toMatchObject({ type: 'http', scheme: 'bearer' })
    for (const [path, method, operation] of operations()) {
      const isOpen = operation.security?.length === 0
      const answer = await fetch(`${test.door.url}${path}`, { method: method.toUpperCase() })
      expect([path, answer.status === 401]).toEqual([path, !isOpen])
    }
  })

  it('has schemas in the dialect of OpenAPI 3.1, and none of them names another', () => {
    const schemas = [...nodesOf(document)].filter(([way]) => /\/(?:schema|schemas\/\w+)(?:\/|$)/.test(way))
    const types = new Set(['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'])
    const wrong = schemas.filter(([way, node]) => {
      // A member of a verb may be called "type": there it is a schema, not a word.
      const type = way.endsWith('/properties') ? undefined : node['type']
      return '$schema' in node || 'nullable' in node || (typeof type === 'string' && !types.has(type))
    })
    expect(schemas.length).toBeGreaterThan(100)
    expect(wrong.map(([way]) => way)).toEqual([])
  })
})
