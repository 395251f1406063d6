import { isObject } from './json.ts'
import type { JsonObject } from './json.ts'

export type Names = Readonly<Record<string, string>>

/** A JSON Schema with the members that it declares renamed, at every depth. */
export function renameSchema(schema: JsonObject, names: Names): JsonObject {
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (key === 'properties' && isObject(value)) return [key, renameProperties(value, names)]
      if (key === 'required' && Array.isArray(value)) return [key, value.map(name => names[String(name)] ?? name)]
      if (key === 'items' && isObject(value)) return [key, renameSchema(value, names)]
      if (key === 'anyOf' && Array.isArray(value))
        return [key, value.map(arm => (isObject(arm) ? renameSchema(arm, names) : arm))]
      return [key, value]
    }),
  )
}

/** A value with the members renamed that its schema declares; what the schema leaves open (a caller's own JSON) stays as it is. */
export function renameValue(value: unknown, schema: JsonObject, names: Names): unknown {
  if (Array.isArray(value)) {
    const items = schema['items']
    return isObject(items) ? value.map(item => renameValue(item, items, names)) : value
  }
  if (!isObject(value)) return value
  const properties = propertiesOf(schema)
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => {
      const declared = properties[key]
      return isObject(declared) ? [names[key] ?? key, renameValue(member, declared, names)] : [key, member]
    }),
  )
}

/** The properties of an object schema, or of the object among the arms of a nullable one. */
export function propertiesOf(schema: JsonObject): JsonObject {
  if (isObject(schema['properties'])) return schema['properties']
  const arms: readonly unknown[] = Array.isArray(schema['anyOf']) ? schema['anyOf'] : []
  const arm = arms.find(candidate => isObject(candidate) && isObject(candidate['properties']))
  return isObject(arm) ? propertiesOf(arm) : {}
}

function renameProperties(properties: JsonObject, names: Names): JsonObject {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [
      names[name] ?? name,
      isObject(schema) ? renameSchema(schema, names) : schema,
    ]),
  )
}
