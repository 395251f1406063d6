import { z } from 'zod'
import { verbNames, verbs } from '#contracts'
import { isObject } from './json.ts'
import { propertiesOf, renameSchema } from './names.ts'
import type { Tool as ToolDefinition } from '@modelcontextprotocol/sdk/types.js'
import type { ToolShape, VerbDescription, VerbName } from '#contracts'
import type { JsonObject } from './json.ts'
import type { Names } from './names.ts'

/** A verb as a tool: what the client is told of it, and what a call needs to be mapped. */
export interface Tool {
  readonly verb: VerbName
  readonly description: VerbDescription
  readonly shape: ToolShape
  readonly names: Names
  /** Of the verb's answer, with the verb's own names. */
  readonly answerSchema: JsonObject
  readonly definition: ToolDefinition
}

/**
 * Claude Code 2.1.329 takes up to 500,000 and then asks no token limit of the result; without it, results over about
 * 50,000 characters or 25,000 tokens are put into a file. Our own bound is lower (see `fit-answer.ts`).
 */
const maxResultSizeChars = 200_000

/** Every tool of every verb, always the same list: a client may call what it saw once. */
export function createTools(): ReadonlyMap<string, Tool> {
  const tools = verbNames.flatMap(verb => {
    const description: VerbDescription = verbs[verb]
    return (description.doors.mcp ?? []).map(shape => toolOf(verb, description, shape))
  })
  return new Map(tools.map(tool => [tool.shape.tool, tool]))
}

function toolOf(verb: VerbName, description: VerbDescription, shape: ToolShape): Tool {
  const names = shape.names ?? {}
  const answerSchema = openSchema(jsonSchemaOf(description.output, 'output'))
  return {
    verb,
    description,
    shape,
    names,
    answerSchema,
    definition: {
      name: shape.tool,
      title: shape.title,
      description: shape.description,
      inputSchema: inputSchemaOf(description, shape),
      outputSchema: { ...renameSchema(answerSchema, names), type: 'object' },
      annotations: {
        title: shape.title,
        readOnlyHint: shape.isReadOnly,
        idempotentHint: description.annotations.isIdempotent,
      },
      _meta: { 'anthropic/maxResultSizeChars': maxResultSizeChars },
    },
  }
}

function inputSchemaOf(description: VerbDescription, shape: ToolShape): ToolDefinition['inputSchema'] {
  const whole = jsonSchemaOf(description.input, 'input')
  const properties = propertiesOf(whole)
  const isOffered = (name: string): boolean => shape.fields.includes(name)
  const picked = renameSchema(
    {
      properties: Object.fromEntries(shape.fields.map(name => [name, properties[name] ?? {}])),
      required: requiredOf(whole).filter(isOffered),
    },
    shape.names ?? {},
  )
  return {
    type: 'object',
    properties: objectsOf(propertiesOf(picked)),
    required: requiredOf(picked),
    additionalProperties: false,
  }
}

function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io })
  return rest
}

/** Answers may gain members (a newer daemon behind an older door), so nothing forbids more of them. */
function openSchema(schema: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key, value]) => !(key === 'additionalProperties' && value === false))
      .map(([key, value]) => [key, openValue(value)]),
  )
}

function openValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(openValue)
  return isObject(value) ? openSchema(value) : value
}

function requiredOf(schema: JsonObject): string[] {
  const required: readonly unknown[] = Array.isArray(schema['required']) ? schema['required'] : []
  return required.filter(name => typeof name === 'string')
}

function objectsOf(record: JsonObject): Record<string, object> {
  return Object.fromEntries(
    Object.entries(record).flatMap(([name, value]): readonly [string, object][] =>
      isObject(value) ? [[name, value]] : [],
    ),
  )
}
