import { once } from 'node:events'
import { createServer, request } from 'node:http'

export interface TokenProxy extends AsyncDisposable {
  readonly url: string
}

/**
 * Stands before the HTTP door for a client that cannot be told a token: adds it, and makes its own address the door's, so that any other
 * Host and Origin reaches the door as it was sent. Everything else, streams too, passes as it is.
 */
export async function startTokenProxy(door: { readonly url: string; readonly token: string }): Promise<TokenProxy> {
  const target = new URL(door.url)
  const server = createServer((incoming, outgoing) => {
    const own = `:${portOf(server)}`
    const headers = incoming.rawHeaders.map((text, at) =>
      at % 2 === 1 && /^(?:host|origin)$/i.test(incoming.rawHeaders[at - 1] ?? '') && text.endsWith(own)
        ? `${text.slice(0, -own.length)}:${target.port}`
        : text,
    )
    const onward = request({
      host: target.hostname,
      port: target.port,
      method: incoming.method,
      path: incoming.url,
      headers: [...headers, 'Authorization', `Bearer ${door.token}`],
    })
    onward.on('response', answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      outgoing.flushHeaders()
      answer.pipe(outgoing)
    })
    onward.on('error', () => outgoing.destroy())
    outgoing.on('close', () => onward.destroy())
    incoming.pipe(onward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://localhost:${portOf(server)}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('the proxy does not listen')
  return address.port
}
