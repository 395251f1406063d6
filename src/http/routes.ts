import { httpBase, verbNames, verbs } from '#contracts'
import type { RouteShape, VerbDescription, VerbName } from '#contracts'
import { isObject, jsonSchemaOf, memberOf } from './json.ts'
import type { JsonObject } from './json.ts'

/** A verb as a route. */
export interface Route {
  readonly verb: VerbName
  readonly description: VerbDescription
  readonly method: RouteShape['method']
  /** Below the root of the door, with `{member}` for members of the input. */
  readonly path: string
  readonly pathMembers: readonly string[]
  /** JSON Schema of each member of the input. */
  readonly members: Readonly<Record<string, JsonObject>>
  readonly required: readonly string[]
}

/** Every verb that has a route, in the order of the verbs. */
export function createRoutes(): readonly Route[] {
  return verbNames.flatMap(verb => {
    const description: VerbDescription = verbs[verb]
    const shape = description.doors.http
    return shape === undefined ? [] : [routeOf(verb, description, shape)]
  })
}

function routeOf(verb: VerbName, description: VerbDescription, { method, path }: RouteShape): Route {
  const schema = jsonSchemaOf(description.input, 'input')
  const members = Object.entries(memberOf(schema, 'properties') ?? {})
  const required = schema['required']
  return {
    verb,
    description,
    method,
    path: `${httpBase}${path}`,
    pathMembers: Array.from(path.matchAll(/\{(\w+)\}/g), ([, name = '']) => name),
    members: Object.fromEntries(
      members.flatMap(([name, member]): readonly [string, JsonObject][] => (isObject(member) ? [[name, member]] : [])),
    ),
    required: Array.isArray(required) ? required.filter(name => typeof name === 'string') : [],
  }
}
