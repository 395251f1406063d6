import { argumentsInvalid, problemText } from './errors.ts'
import type { VerbInput, VerbName } from '#contracts'
import type { JsonObject } from './json.ts'
import type { Tool } from './tools.ts'

/**
 * A tool's arguments as the verb's input. Checked here as well as behind the port, because only here a message can
 * name a member as the caller knows it. Throws INPUT_INVALID.
 */
export function readArguments(tool: Tool, given: JsonObject, toolUseId: string | undefined): VerbInput<VerbName> {
  const fieldOf = new Map(tool.shape.fields.map(field => [tool.names[field] ?? field, field]))
  const unknown = Object.keys(given).filter(name => !fieldOf.has(name))
  // Models pass null for what they mean to leave out.
  const own = Object.entries(given).flatMap(([name, value]) => {
    const field = fieldOf.get(name)
    return field === undefined || value === null ? [] : [[field, value] as const]
  })
  const input = { ...keyOf(tool, toolUseId), ...Object.fromEntries(own), ...tool.shape.fixed }
  const checked = tool.description.input.safeParse(input)
  const issues = checked.error?.issues.slice(0, 10) ?? []
  const problems = [
    ...unknown.map(name => `${name} is not an argument of ${tool.shape.tool}`),
    ...issues.map(issue => problemText(issue, tool.names)),
  ]
  if (problems.length === 0) return input
  const wrong = issues.map(issue => String(issue.path[0] ?? '')).map(field => tool.names[field] ?? field)
  throw argumentsInvalid(tool, problems, [...unknown, ...wrong])
}

/** Claude Code names each tool use: the same use, sent again after a reconnect, must not run twice. */
function keyOf(tool: Tool, toolUseId: string | undefined): JsonObject {
  if (toolUseId === undefined || !tool.shape.fields.includes('idempotency_key')) return {}
  return { idempotency_key: toolUseId }
}
