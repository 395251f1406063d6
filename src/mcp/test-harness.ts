import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { CallToolResultSchema } from '@modelcontextprotocol/sdk/types.js'
import { createFakeClock, silentLog } from '#kernel'
import { createMcpServer } from './index.ts'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import type { Caller, CallOptions, TurnAnswer, VerbCaller, WireEvent } from '#contracts'
import type { FakeClock } from '#kernel'

export interface SeenCall {
  readonly verb: string
  readonly input: Record<string, unknown>
  readonly options: CallOptions
}

/** A turn that was answered. */
export const completed: TurnAnswer = {
  success: true,
  session_id: 'session-1',
  turn_id: 'turn_1',
  agent_id: 'agent_1',
  status: 'completed',
  agent_messages: 'the answer',
  usage: null,
  diff: null,
  proposed_diff: null,
  session_restarted: false,
  elapsed_ms: 12,
  last_event: null,
  error: null,
}

/** A server and a client of it, in this process; disposing ends both. */
export interface Connected extends AsyncDisposable {
  readonly client: Client
  readonly clock: FakeClock
  /** What reached the port, in order. */
  readonly calls: readonly SeenCall[]
  readonly call: (
    name: string,
    args: Record<string, unknown>,
    meta?: Record<string, unknown>,
  ) => Promise<CallToolResult>
}

export async function connected(answer: (call: SeenCall) => unknown = () => completed): Promise<Connected> {
  const calls: SeenCall[] = []
  const clock = createFakeClock()
  const caller: Caller = { door: 'mcp', claude_session_id: 'claude-1', project_dir: '/project' }
  const fake = {
    call: async (verb: string, input: Record<string, unknown>, options: CallOptions) => {
      const call = { verb, input, options }
      calls.push(call)
      return await answer(call)
    },
  }
  const server = createMcpServer({
    // A test plays the answers, so their types are its own.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    verbs: fake as unknown as VerbCaller,
    caller,
    version: '1.2.3',
    log: silentLog,
    clock,
  })
  const client = new Client({ name: 'test', version: '9' })
  const [near, far] = InMemoryTransport.createLinkedPair()
  await Promise.all([server.connect(far), client.connect(near)])
  return {
    client,
    calls,
    clock,
    call: async (name: string, args: Record<string, unknown>, meta?: Record<string, unknown>) =>
      CallToolResultSchema.parse(
        await client.callTool({ name, arguments: args, ...(meta === undefined ? {} : { _meta: meta }) }),
      ),
    async [Symbol.asyncDispose]() {
      await client.close()
      await server.close()
    },
  }
}

export const textOf = (result: { readonly content: readonly { readonly type: string }[] }): string =>
  result.content.map(part => ('text' in part ? String(part.text) : '')).join('\n')

export const eventOf = (kind: string, data: Record<string, unknown>): WireEvent => ({
  seq: 1,
  at: 1,
  kind,
  agent_id: 'a',
  turn_id: 't',
  session_id: null,
  data,
})
