import { callerOfHeaders } from '#contracts'
import type { Caller } from '#contracts'

/** Who calls over HTTP: a stdio server finds it in its environment, here the client's configuration sends it as headers. */
export function mcpCallerOf(headers: Headers): Caller {
  return { door: 'mcp', ...callerOfHeaders(headers) }
}
