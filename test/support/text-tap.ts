import { createServer, request } from 'node:http'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { PassThrough } from 'node:stream'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** Stands between Codex and the model and counts the text that the model really sent before a connection was cut. */
export interface TextTap extends AsyncDisposable {
  readonly url: string
  /** Characters of text deltas that went through. */
  readonly characters: number
  /** What streams now is counted no further: whoever it is for is about to be killed. */
  stopCounting(): void
}

export async function startTextTap(modelUrl: string): Promise<TextTap> {
  let characters = 0
  let generation = 0
  const count =
    (since: number) =>
    (line: string): void => {
      if (since !== generation || !line.startsWith('data: {')) return
      const { type, delta } = JSON.parse(line.slice('data: '.length)) as {
        readonly type: string
        readonly delta?: string
      }
      if (type === 'response.output_text.delta') characters += delta?.length ?? 0
    }
  const server = createServer((from, to) => forward(modelUrl, from, { to, count: count(generation) }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get characters() {
      return characters
    },
    stopCounting() {
      generation += 1
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise<void>(resolve => void server.close(() => resolve()))
    },
  }
}

function forward(
  modelUrl: string,
  from: IncomingMessage,
  { to, count }: { readonly to: ServerResponse; readonly count: (line: string) => void },
): void {
  const out = request(new URL(from.url ?? '/', modelUrl), { method: from.method, headers: from.headers })
  out.on('response', answer => {
    to.writeHead(answer.statusCode ?? 502, answer.headers)
    const tap = new PassThrough()
    createInterface({ input: tap }).on('line', count)
    answer.on('data', (chunk: Buffer) => void (tap.write(chunk), to.write(chunk)))
    answer.on('end', () => void (tap.end(), to.end()))
    answer.on('error', () => to.destroy())
  })
  // One side went away: so does the other.
  out.on('error', () => to.destroy())
  to.on('close', () => out.destroy())
  from.pipe(out)
}
