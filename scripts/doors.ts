import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { commandEntries, optionsOf } from '#cli'
import { silentLog } from '#kernel'
import { createMcpServer } from '#mcp'
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

/** The options that a command takes; `name` is its flags. */
export function optionsOfCommand(command: string): readonly NamedText[] {
  const entry = commandEntries().find(({ name }) => name === command)
  return entry === undefined ? [] : optionsOf(entry).map(({ flags, help }) => ({ name: flags, text: help }))
}

const refuse = (): Promise<never> => Promise.reject(new Error('the documents are written without a daemon'))
const noDaemon: VerbCaller = { call: refuse }
