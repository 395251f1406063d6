import { errorOfTurn } from '#contracts'
import { failureOf, resultOf } from './answer.ts'
import { toolUnknown } from './errors.ts'
import { startProgress } from './progress.ts'
import { readArguments } from './read-arguments.ts'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import type { AppError, Clock, Log } from '#kernel'
import type { Caller, VerbCaller, WireEvent } from '#contracts'
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
  let turn: AcceptedTurn | undefined
  const onEvent = (event: WireEvent): void => {
    turn = acceptedTurn(turn, event)
    progress?.note(event)
  }
  try {
    const answer = await deps.verbs.call(tool.verb, input, {
      caller: { ...deps.caller, ...(call.toolUseId === undefined ? {} : { tool_use_id: call.toolUseId }) },
      signal: call.signal,
      ...(tool.description.annotations.isStreaming ? { onEvent } : {}),
    })
    return resultOf(tool, answer, call.arguments)
  } catch (error) {
    throw turn === undefined ? error : afterAccepting(error, turn)
  }
}

/** A turn that the events of a call have told of: it goes on, whatever becomes of the call. */
interface AcceptedTurn {
  readonly turnId: string
  /** Undefined until Codex has given the session. */
  readonly sessionId: string | undefined
}

function acceptedTurn(known: AcceptedTurn | undefined, { turn_id, session_id }: WireEvent): AcceptedTurn | undefined {
  const turnId = known?.turnId ?? turn_id
  return turnId === null ? undefined : { turnId, sessionId: session_id ?? known?.sessionId }
}

/** A model that knows no turn sends its prompt again, and the work is done twice. */
function afterAccepting(error: unknown, { turnId, sessionId }: AcceptedTurn): AppError {
  const session = sessionId === undefined ? '' : ` of SESSION_ID ${sessionId}`
  return errorOfTurn(
    error,
    { turn_id: turnId, ...(sessionId === undefined ? {} : { SESSION_ID: sessionId }) },
    `the turn was accepted, do not send the prompt again: call codex_wait with turn_id ${turnId}${session}`,
  )
}
