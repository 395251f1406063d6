import { join } from 'node:path'
import type { Lab, World } from './figure.ts'
import { textAt } from './json.ts'
import type { JsonObject } from './json.ts'
import { startLineRpc } from './line-rpc.ts'

/** A client of `tandem mcp`, as Claude Code starts it. */
export interface McpClient extends AsyncDisposable {
  /** Calls the tool `codex`; without a session in a new one. */
  codex(prompt: string, options?: { readonly sessionId?: string; readonly sandbox?: string }): Promise<CodexAnswer>
}

export interface CodexAnswer {
  readonly sessionId: string
  readonly turnId: string
  readonly text: string
}

export async function startMcpClient(lab: Lab, world: World): Promise<McpClient> {
  const rpc = await startLineRpc({
    command: process.execPath,
    args: [join(lab.program, 'tandem.js'), 'mcp'],
    env: world.env,
    cwd: world.project,
  })
  await rpc.request('initialize', {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bench', version: '0.0.0' },
  })
  rpc.notify('notifications/initialized', {})
  return {
    async codex(prompt, { sessionId, sandbox } = {}) {
      const answer = await rpc.request('tools/call', {
        name: 'codex',
        arguments: {
          PROMPT: prompt,
          cd: world.project,
          ...(sandbox === undefined ? {} : { sandbox }),
          ...(sessionId === undefined ? {} : { SESSION_ID: sessionId }),
        },
      })
      const content = contentOf(answer)
      if (content['success'] !== true) throw new Error(`the call failed: ${JSON.stringify(answer).slice(0, 1000)}`)
      return {
        sessionId: textAt(content, 'SESSION_ID'),
        turnId: textAt(content, 'turn_id'),
        text: textAt(content, 'agent_messages'),
      }
    },
    [Symbol.asyncDispose]: () => rpc[Symbol.asyncDispose](),
  }
}

function contentOf(answer: JsonObject): JsonObject {
  return (answer['structuredContent'] ?? {}) as JsonObject
}
