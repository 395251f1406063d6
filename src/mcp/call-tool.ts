import { failureOf, resultOf } from './answer.ts'
import { toolUnknown } from './errors.ts'
import { startProgress } from './progress.ts'
import { readArguments } from './read-arguments.ts'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import type { Clock, Log } from '#kernel'
import type { Caller, VerbCaller } from '#contracts'
import type { JsonObject } from './json.ts'
import type { ProgressDeps } from './progress.ts'
import type { Tool } from './tools.ts'

export interface ToolCallDeps {
  readonly verbs: VerbCaller
  readonly caller: Caller
  readonly clock: Clock
  readonly log: Log
  readonly tools: ReadonlyMap<string, Tool>
}

export interface ToolCall {
  readonly name: string
  readonly arguments: JsonObject
  readonly toolUseId: string | undefined
  /** Aborted when the client gave up: the call is detached, the work goes on. */
  readonly signal: AbortSignal
  /** Given when the client asked to be told of progress. */
  readonly sendProgress: ProgressDeps['send'] | undefined
}

/** Never throws: what a model can correct must reach it as a result, not as an error of the protocol. */
export async function callTool(deps: ToolCallDeps, call: ToolCall): Promise<CallToolResult> {
  try {
    const tool = deps.tools.get(call.name)
    if (tool === undefined) throw toolUnknown(call.name, [...deps.tools.keys()])
    return await answerTo(deps, tool, call)
  } catch (error) {
    const failure = failureOf(error)
    if (!call.signal.aborted) deps.log.warn({ tool: call.name, error }, 'tool call failed')
    return failure
  }
}

async function answerTo(deps: ToolCallDeps, tool: Tool, call: ToolCall): Promise<CallToolResult> {
  const input = readArguments(tool, call.arguments, call.toolUseId)
  using progress =
    call.sendProgress === undefined
      ? undefined
      : startProgress({ clock: deps.clock, log: deps.log, send: call.sendProgress })
  const answer = await deps.verbs.call(tool.verb, input, {
    caller: { ...deps.caller, ...(call.toolUseId === undefined ? {} : { tool_use_id: call.toolUseId }) },
    signal: call.signal,
    ...(progress !== undefined && tool.description.annotations.isStreaming
      ? { onEvent: event => progress.note(event) }
      : {}),
  })
  return resultOf(tool, answer, call.arguments)
}
