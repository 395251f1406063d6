import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { runCli } from '#cli'
import { silentLog, systemClock } from '#kernel'
import { createMcpServer } from '#mcp'
import type { OutputStream } from '#cli'
import type { VerbCaller } from '#contracts'

/* What the doors have beyond the descriptions of the verbs: they are asked, as a person or a client asks them. */

export interface NamedText {
  readonly name: string
  readonly text: string
}

/** The prompts of the MCP server, in their order. */
export async function promptsOfServer(): Promise<readonly NamedText[]> {
  const server = createMcpServer({ verbs: noDaemon, caller: { door: 'mcp' }, version: '0', log: silentLog })
  const client = new Client({ name: 'docs', version: '0' })
  const [near, far] = InMemoryTransport.createLinkedPair()
  await Promise.all([server.connect(far), client.connect(near)])
  try {
    const { prompts } = await client.listPrompts()
    return prompts.map(({ name, description = '' }) => ({ name, text: description }))
  } finally {
    await client.close()
    await server.close()
  }
}

/** The options that the help of a command names; `name` is its flags. */
export async function optionsOfCommand(command: string): Promise<readonly NamedText[]> {
  const help = await helpOf(command)
  return [...help.matchAll(/^ {2}((?:-\w, )?--[\w-]+(?: <[^>]+>)?) {2,}(.+)$/gm)].map(([, name = '', text = '']) => ({
    name,
    text,
  }))
}

async function helpOf(command: string): Promise<string> {
  let help = ''
  await runCli([command, '--help'], {
    version: '0',
    cwd: '/',
    caller: { door: 'cli' },
    connect: refuse,
    lifecycle: { up: refuse, down: refuse, readLog: refuse },
    local: { demo: refuse, mcp: refuse },
    stdin: { kind: 'terminal', read: () => noInput() },
    stdout: outputTo(text => (help += text)),
    stderr: outputTo(() => undefined),
    environment: {},
    clock: systemClock,
    onInterrupt: () => ({ [Symbol.dispose]: () => undefined }),
    readFile: refuse,
  })
  return help
}

/** So wide that every option has one line. */
const outputTo = (take: (text: string) => void): OutputStream => ({
  columns: 10_000,
  write(text, done) {
    take(text)
    done()
    return true
  },
  on: () => undefined,
  off: () => undefined,
})

const refuse = (): Promise<never> => Promise.reject(new Error('the documents are written without a daemon'))
const noDaemon: VerbCaller = { call: refuse }

async function* noInput(): AsyncGenerator<string> {
  yield* []
}
