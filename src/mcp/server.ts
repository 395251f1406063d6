import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js'
import { errorShapeOf, systemClock } from '#kernel'
import { callTool } from './call-tool.ts'
import { promptList, writePrompt } from './prompts.ts'
import { createTools } from './tools.ts'
import type { ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import type { Clock, Log } from '#kernel'
import type { Caller, VerbCaller } from '#contracts'
import type { ProgressDeps } from './progress.ts'

export interface McpServerDeps {
  readonly verbs: VerbCaller
  /** Who the calls of this connection are made for; the tool-use id is added per call. */
  readonly caller: Caller
  readonly version: string
  readonly log: Log
  readonly clock?: Clock
}

/** One MCP server for one client, for any transport: `connect` it, `close` it. Closing detaches from what is being waited for. */
export function createMcpServer(deps: McpServerDeps): Server {
  const tools = createTools()
  const clock = deps.clock ?? systemClock
  const server = new Server(
    { name: 'tandem', title: 'Tandem', version: deps.version },
    { capabilities: { tools: {}, prompts: {} }, instructions },
  )
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Array.from(tools.values(), tool => tool.definition),
  }))
  server.setRequestHandler(CallToolRequestSchema, (request, extra) =>
    callTool(
      { verbs: deps.verbs, caller: callerOf(deps.caller, server), clock, log: deps.log, tools },
      {
        name: request.params.name,
        arguments: request.params.arguments ?? {},
        toolUseId: toolUseIdOf(extra._meta),
        signal: extra.signal,
        sendProgress: progressSender(extra),
      },
    ),
  )
  server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: promptList() }))
  server.setRequestHandler(GetPromptRequestSchema, request => {
    const { name, arguments: values } = request.params
    return asProtocolError(() => writePrompt(name, values ?? {}, deps.caller.project_dir))
  })
  // The SDK offers no other way to listen.
  // oxlint-disable-next-line unicorn/prefer-add-event-listener
  server.onerror = error => deps.log.warn({ error }, 'mcp connection trouble')
  return server
}

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

function progressSender(extra: Extra): ProgressDeps['send'] | undefined {
  const progressToken = extra._meta?.progressToken
  if (progressToken === undefined) return undefined
  return progress =>
    extra.sendNotification({ method: 'notifications/progress', params: { progressToken, ...progress } })
}

/** Ids longer than the contract's bound are not Claude's: nothing is lost without them. */
function toolUseIdOf(meta: Extra['_meta']): string | undefined {
  const id = meta?.['claudecode/toolUseId']
  return typeof id === 'string' && id !== '' && id.length <= 200 ? id : undefined
}

function callerOf(caller: Caller, server: Server): Caller {
  const client = server.getClientVersion()
  if (caller.client !== undefined || client === undefined) return caller
  return { ...caller, client: `${client.name}/${client.version}`.slice(0, 200) }
}

/** A prompt has no place for a failure of its own, unlike a tool's result. */
function asProtocolError<T>(write: () => T): T {
  try {
    return write()
  } catch (error) {
    const { code, message, hint, kind } = errorShapeOf(error)
    const status = kind === 'bug' ? ErrorCode.InternalError : ErrorCode.InvalidParams
    throw new McpError(status, `${code}: ${message}${hint === undefined ? '' : ` (${hint})`}`)
  }
}

const instructions = [
  'Tandem lets you work with Codex, a second coding agent, as a colleague.',
  'codex gives it a task in a directory and waits; codex_ask does the same read-only and several at once.',
  'Keep the SESSION_ID of an answer and pass it with every later call about the same work ("last" means the latest session of this conversation in that directory).',
  'Work that outlives a call is not lost: when status is "running", call codex_wait with the turn_id.',
  'Judge what Codex says: it advises, you decide and write the final code.',
].join(' ')
