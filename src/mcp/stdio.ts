import { Writable } from 'node:stream'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import { createMcpServer } from './server.ts'
import type { Readable } from 'node:stream'
import type { McpServerDeps } from './server.ts'

export interface McpDeps extends McpServerDeps {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable
  /** Claude Code ends a server with SIGINT: the caller leaves, the work goes on. */
  readonly signals?: { onInterrupt(listener: () => void): Disposable }
}

/** Serves MCP until the client is gone: end of stdin, a broken stdout, or an interrupt. All of them detach; answers the exit code. */
export async function runMcp(deps: McpDeps): Promise<number> {
  const { stdin, stdout, stderr, signals, ...rest } = deps
  using protocol = reserveStdout(stdout, stderr)
  const server = createMcpServer(rest)
  const gone = Promise.withResolvers<string>()
  const onEnd = (): void => gone.resolve('end of stdin')
  const onBroken = (error: unknown): void => {
    deps.log.info({ error }, 'mcp client stopped reading')
    gone.resolve('broken stdout')
  }
  stdin.once('end', onEnd).once('close', onEnd)
  stdout.on('error', onBroken)
  using _interrupt = signals?.onInterrupt(() => gone.resolve('interrupt'))
  // The SDK offers no other way to listen.
  // oxlint-disable-next-line unicorn/prefer-add-event-listener
  server.onclose = () => gone.resolve('closed')
  try {
    await server.connect(new StdioServerTransport(stdin, protocol.stream))
    const why = await gone.promise
    // What was asked just before the end and needs no waiting is still answered.
    await new Promise(resolve => setImmediate(resolve))
    deps.log.info({ why }, 'mcp client gone')
    await server.close()
    return 0
  } finally {
    stdin.off('end', onEnd).off('close', onEnd)
    stdout.off('error', onBroken)
  }
}

interface ReservedStdout extends Disposable {
  readonly stream: Writable
}

/** Keeps stdout for the protocol: whatever else writes there (a `console.log` in a library) is sent to stderr. */
function reserveStdout(stdout: Writable, stderr: Writable): ReservedStdout {
  const own = Object.getOwnPropertyDescriptor(stdout, 'write')
  const write = stdout.write.bind(stdout)
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string, encoding, done) => void write(chunk, encoding, error => done(error)),
  })
  // A failed write is reported by stdout's own error event.
  stream.on('error', () => undefined)
  Object.defineProperty(stdout, 'write', { configurable: true, writable: true, value: stderr.write.bind(stderr) })
  return {
    stream,
    [Symbol.dispose]() {
      Reflect.deleteProperty(stdout, 'write')
      if (own !== undefined) Object.defineProperty(stdout, 'write', own)
    },
  }
}
