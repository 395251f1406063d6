import { z } from 'zod'

/** What the command line has to know of one member of a verb's input. */
export interface Member {
  readonly kind: 'text' | 'number' | 'switch' | 'list' | 'object'
  readonly help: string
  /** What holds when it is not given, where the schema says so. */
  readonly fallback?: string
  /** The values that it takes, when they can be listed. */
  readonly choices: readonly string[]
}

export type Members = ReadonlyMap<string, Member>

/**
 * Members of a verb's input, read from its JSON Schema: that is zod's public view of a schema.
 * It costs about a millisecond a verb, so it is done for the command that runs and not for all.
 */
export function membersOf(input: z.ZodType): Members {
  const schema = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })
  const entries = Object.entries(schema.properties ?? {})
  return new Map(entries.map(([field, property]) => [field, memberOf(typeof property === 'object' ? property : {})]))
}

function memberOf(property: JsonSchema): Member {
  const { default: fallback } = property
  return {
    kind: kindOf(property),
    help: property.description ?? '',
    ...(typeof fallback === 'string' || typeof fallback === 'number' ? { fallback: String(fallback) } : {}),
    choices: choicesOf(property),
  }
}

function kindOf(property: JsonSchema): Member['kind'] {
  switch (property.type) {
    case 'integer':
    case 'number':
      return 'number'
    case 'boolean':
      return 'switch'
    case 'array':
      return 'list'
    case 'object':
      return 'object'
    default:
      return 'text'
  }
}

function choicesOf(property: JsonSchema): readonly string[] {
  if (typeof property.items === 'object' && !Array.isArray(property.items)) return choicesOf(property.items)
  if (property.enum !== undefined) return property.enum.map(String)
  if (property.const !== undefined) return [String(property.const)]
  return (property.anyOf ?? []).flatMap(choice => (typeof choice === 'object' ? choicesOf(choice) : []))
}

type JsonSchema = z.core.JSONSchema.BaseSchema
