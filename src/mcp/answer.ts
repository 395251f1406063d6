import { errorShapeOf } from '#kernel'
import { turnAnswerSchema } from '#contracts'
import { fitEvents, fitTurnAnswer } from './fit-answer.ts'
import { isObject, textWithin } from './json.ts'
import { renameValue } from './names.ts'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import type { TurnAnswer, VerbOutput } from '#contracts'
import type { JsonObject } from './json.ts'
import type { Tool } from './tools.ts'

/** The result of a call that was answered. Claude shows its model only `structuredContent`, and of an error only the text. */
export function resultOf(tool: Tool, answer: unknown, input: JsonObject): CallToolResult {
  if (!isTurnAnswer(tool, answer)) return succeeded(tool, isEvents(tool, answer) ? fitEvents(answer) : answer)
  const offset = typeof input['offset'] === 'number' ? input['offset'] : 0
  const fitted = fitTurnAnswer(answer, { offset })
  if (!isFailure(tool, answer)) return succeeded(tool, fitted)
  const error = answer.error ?? { code: 'TURN_FAILED', kind: 'unavailable', message: `the turn is ${answer.status}` }
  const renamed = renamedAnswer(tool, fitted)
  return {
    isError: true,
    structuredContent: renamed,
    content: [{ type: 'text', text: `${sentenceOf(error)}\n\n${JSON.stringify(renamed)}` }],
  }
}

/** The result of a call that could not be answered: a sentence for the model, then the same as data. */
export function failureOf(error: unknown): CallToolResult {
  const shape = errorShapeOf(error)
  const isSmall = JSON.stringify(shape).length <= 16_000
  const shown = isSmall ? shape : { code: shape.code, kind: shape.kind, message: textWithin(shape.message, 8000) }
  return {
    isError: true,
    content: [{ type: 'text', text: `${sentenceOf(shape)}\n\n${JSON.stringify({ success: false, error: shown })}` }],
  }
}

function succeeded(tool: Tool, answer: unknown): CallToolResult {
  const renamed = renamedAnswer(tool, answer)
  return { structuredContent: renamed, content: [{ type: 'text', text: JSON.stringify(renamed) }] }
}

/** A turn that is under way is not a failure; one that somebody just cancelled did what was asked. */
function isFailure(tool: Tool, answer: TurnAnswer): boolean {
  if (answer.success || answer.status === 'queued' || answer.status === 'running') return false
  return !(tool.verb === 'cancel' && answer.status === 'interrupted')
}

function sentenceOf(error: {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
}): string {
  const hint = error.hint === undefined ? '' : `\nwhat to do: ${textWithin(error.hint, 2000)}`
  return `${error.code}: ${textWithin(error.message, 8000)}${hint}`
}

function renamedAnswer(tool: Tool, answer: unknown): Record<string, unknown> {
  const renamed = renameValue(answer, tool.answerSchema, tool.names)
  return isObject(renamed) ? { ...renamed } : { answer: renamed }
}

/** Not parsed but recognised: members that only a newer daemon knows go through. */
function isTurnAnswer(tool: Tool, answer: unknown): answer is TurnAnswer {
  return tool.description.output === turnAnswerSchema && turnAnswerSchema.safeParse(answer).success
}

function isEvents(tool: Tool, answer: unknown): answer is VerbOutput<'events'> {
  return tool.verb === 'events' && tool.description.output.safeParse(answer).success
}
