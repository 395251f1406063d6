import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { RequestId } from '@modelcontextprotocol/sdk/types.js'

export interface OpenRequests {
  readonly count: number
}

/**
 * Counts what a client asked and has no answer to, however it is connected: a call goes on while its client is away. For a transport that a
 * server is connected to already; `onEnd` is called when one is answered or given up.
 */
export function watchRequests(transport: Transport, onEnd: () => void): OpenRequests {
  const open = new Set<RequestId>()
  const end = (id: unknown): void => {
    if ((typeof id === 'string' || typeof id === 'number') && open.delete(id)) onEnd()
  }
  const receive = transport.onmessage
  const send = transport.send.bind(transport)
  // The SDK offers no other way to listen.
  // oxlint-disable-next-line unicorn/prefer-add-event-listener
  transport.onmessage = (message, extra) => {
    if ('method' in message && 'id' in message) open.add(message.id)
    // A request that is given up has no answer.
    else if ('method' in message && message.method === 'notifications/cancelled') end(message.params?.['requestId'])
    receive?.(message, extra)
  }
  transport.send = async (message, options) => {
    if (!('method' in message)) end(message.id)
    await send(message, options)
  }
  return {
    get count() {
      return open.size
    },
  }
}
