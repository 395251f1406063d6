import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { JsonObject } from './request-view.ts'

/** The response of one request: nothing goes out before `open` or `json`. */
export interface Outlet {
  /** Something went out already, so a plain HTTP error is no longer possible. */
  readonly isOpen: boolean
  readonly signal: AbortSignal
  /** Sends the headers of a stream (or of a JSON body that never comes). */
  open(contentType: string, headers?: Readonly<Record<string, string>>): void
  event(name: string, data: JsonObject): Promise<void>
  raw(text: string): Promise<void>
  end(): void
  json(status: number, body: JsonObject, headers?: Readonly<Record<string, string>>): void
  /** Destroys the connection. */
  cut(): void
}

/** `signal` aborts when the client has gone or the server stops. */
export function createOutlet(response: ServerResponse, signal: AbortSignal): Outlet {
  async function write(text: string): Promise<void> {
    signal.throwIfAborted()
    if (!response.write(text)) await once(response, 'drain', { signal })
  }
  return {
    get isOpen() {
      return response.headersSent
    },
    signal,
    open(contentType, headers = {}) {
      response.writeHead(200, { ...headers, 'content-type': contentType, 'cache-control': 'no-store' })
      response.flushHeaders()
    },
    event: (name, data) => write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`),
    raw: write,
    end: () => void response.end(),
    json(status, body, headers = {}) {
      if (response.headersSent || response.destroyed) return
      response.writeHead(status, { ...headers, 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    },
    cut: () => void response.destroy(),
  }
}
