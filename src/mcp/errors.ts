import { problemOf } from '#contracts'
import { AppError } from '#kernel'
import type { z } from 'zod'
import type { Tool } from './tools.ts'

/** The call's arguments do not fit: each member is named as the tool calls it. */
export const argumentsInvalid = (tool: Tool, problems: readonly string[], fields: readonly string[]): AppError =>
  new AppError('INPUT_INVALID', 'invalid', problems.join('; '), {
    hint: `${tool.shape.tool} takes ${takenBy(tool)}; correct the call and make it again`,
    data: { fields },
  })

export const toolUnknown = (name: string, known: readonly string[]): AppError =>
  new AppError('TOOL_UNKNOWN', 'missing', `there is no tool ${JSON.stringify(name.slice(0, 100))}`, {
    hint: `the tools are ${known.join(', ')}`,
  })

export const promptUnknown = (name: string, known: readonly string[]): AppError =>
  new AppError('PROMPT_UNKNOWN', 'missing', `there is no prompt ${JSON.stringify(name.slice(0, 100))}`, {
    hint: `the prompts are ${known.join(', ')}`,
  })

export const promptArgumentMissing = (prompt: string, argument: string): AppError =>
  new AppError('INPUT_INVALID', 'invalid', `${argument} is missing`, {
    hint: `the prompt ${prompt} cannot be written without it`,
    data: { fields: [argument] },
  })

/** One problem as a sentence, with the tool's own name of the member. */
export function problemText(issue: z.core.$ZodIssue, names: Tool['names']): string {
  const [first, ...rest] = issue.path.map(String)
  return problemOf(issue, [names[first ?? ''] ?? first ?? 'arguments', ...rest].join('.'))
}

function takenBy(tool: Tool): string {
  const { properties, required } = tool.definition.inputSchema
  const all = Object.keys(properties ?? {})
  if (all.length === 0) return 'no arguments'
  return all.map(name => (required?.includes(name) ? `${name} (required)` : name)).join(', ')
}
