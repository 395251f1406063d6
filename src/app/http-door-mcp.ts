import { httpMcpNotLoaded, httpStopping } from './errors.ts'
import type { Log } from '#kernel'
import type { McpHandler } from '#mcp'

/** MCP behind the HTTP door. Disposing closes its sessions. */
export interface LateMcp extends AsyncDisposable {
  /** Sessions with an open stream, or a call at work. */
  readonly sessionsInUse: number
  /** Rejects with HTTP_MCP_NOT_LOADED, and with DAEMON_STOPPING when it was disposed. */
  handle(request: Request, cut: () => void): Promise<Response>
}

/** MCP takes memory that most daemons never need: it is loaded with the first request to it. A failed load is tried again with the next. */
export function lateMcp(load: () => Promise<McpHandler>, log: Log): LateMcp {
  let handler: McpHandler | undefined
  let loading: Promise<McpHandler> | undefined
  let isOver = false

  async function loaded(): Promise<McpHandler> {
    try {
      return (handler = await load())
    } catch (error) {
      loading = undefined
      log.error({ error }, 'MCP over HTTP was not loaded')
      throw httpMcpNotLoaded(error)
    }
  }

  return {
    get sessionsInUse() {
      return handler?.sessionsInUse ?? 0
    },
    async handle(request, cut) {
      // What is made now nobody would close.
      if (isOver) throw httpStopping()
      return (await (loading ??= loaded())).handle(request, cut)
    },
    async [Symbol.asyncDispose]() {
      isOver = true
      // Whoever waits for it is told, and nothing is there to be closed.
      await loading?.catch(() => undefined)
      await handler?.[Symbol.asyncDispose]()
    },
  }
}
