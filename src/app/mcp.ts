import { silentLog } from '#kernel'
import { runMcp } from '#mcp'
import { callerOf, onInterrupt, openClient } from './connect.ts'
import type { Environment } from './environment.ts'

/** `tandem mcp`: the MCP server on stdio, for one client; its exit code. */
export async function runMcpServer(environment: Environment): Promise<number> {
  await using client = openClient(environment, { name: 'tandem mcp', startDaemon: true })
  return await runMcp({
    verbs: client,
    caller: callerOf(environment, 'mcp'),
    version: environment.version,
    // stdout is the protocol's; what went wrong is told in answers, and in the daemon's log.
    log: silentLog,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    signals: { onInterrupt },
  })
}
