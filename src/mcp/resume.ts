import type { KeptEvents, MissedEvent } from './kept-events.ts'

/**
 * The answer to a client that comes back to a stream that is over: what it missed, and the end. The SDK (1.32.2) would hold it on a stream to
 * which nothing is ever sent. Undefined when that is not what the client does.
 */
export function resumedResponse(kept: KeptEvents, request: Request): Response | undefined {
  const lastId = request.headers.get('last-event-id')
  if (request.method !== 'GET' || lastId === null || lastId === '') return undefined
  if (request.headers.get('accept')?.includes('text/event-stream') !== true) return undefined
  const resumption = kept.resume(lastId)
  switch (resumption.kind) {
    case 'over':
      return streamOf(resumption.missed)
    case 'forgotten':
      return Response.json(forgotten, { status: 400 })
    case 'live':
    case 'unknown':
      return undefined
  }
}

function streamOf(missed: readonly MissedEvent[]): Response {
  const text = missed.map(({ id, message }) => `event: message\nid: ${id}\ndata: ${JSON.stringify(message)}\n\n`)
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' }
  return new Response(text.join(''), { headers })
}

const forgotten = {
  jsonrpc: '2.0',
  id: null,
  error: {
    code: -32_000,
    message: 'nothing is known any more of the call behind this Last-Event-ID; its turn goes on: call codex_wait',
  },
}
