import { z } from 'zod'

export type JsonObject = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A schema of ours in JSON Schema, without the name of the dialect: OpenAPI 3.1 says that for the whole document. */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}

export function memberOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined
}
