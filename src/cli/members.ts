import { z } from 'zod'

/** What the command line has to know of one member of a verb's input. */
export interface Member {
  readonly kind: 'text' | 'number' | 'switch' | 'list' | 'object'
  readonly help: string
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
  return { kind: kindOf(property), help: helpOf(property), choices: choicesOf(property) }
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

/** "what Codex may touch (read-only, workspace-write, danger-full-access; default: read-only)" */
function helpOf(property: JsonSchema): string {
  const choices = choicesOf(property).join(', ')
  const isPlain = typeof property.default === 'string' || typeof property.default === 'number'
  const facts = [...(choices === '' ? [] : [choices]), ...(isPlain ? [`default: ${String(property.default)}`] : [])]
  const tail = facts.length === 0 ? '' : `(${facts.join('; ')})`
  return [property.description ?? '', tail].filter(part => part !== '').join(' ')
}

function choicesOf(property: JsonSchema): readonly string[] {
  if (property.enum !== undefined) return property.enum.map(String)
  if (property.const !== undefined) return [String(property.const)]
  return (property.anyOf ?? []).flatMap(choice => (typeof choice === 'object' ? choicesOf(choice) : []))
}

type JsonSchema = z.core.JSONSchema.BaseSchema
