import { once } from 'node:events'
import { createConnection } from 'node:net'
import type { Socket } from 'node:net'

/** A client that speaks bytes: for frames that no proper client would send. */
export interface RawClient extends Disposable {
  readonly socket: Socket
  write(data: string | Uint8Array): void
  send(frame: object): void
  /** The next line as an object; rejects when the connection ends first. Blank lines are skipped. */
  next(): Promise<Record<string, unknown>>
  /** Everything that still comes until the other side ends. */
  rest(): Promise<Record<string, unknown>[]>
  hello(): Promise<Record<string, unknown>>
}

export async function connectRaw(path: string): Promise<RawClient> {
  const socket = createConnection({ path, allowHalfOpen: true })
  await once(socket, 'connect')
  const lines: string[] = []
  const waiting: (() => void)[] = []
  let pending = ''
  let isEnded = false
  const wake = (): void => waiting.splice(0).forEach(resolve => resolve())
  socket.setEncoding('utf8')
  socket.on('data', (text: string) => {
    const parts = (pending + text).split('\n')
    pending = parts.pop() ?? ''
    lines.push(...parts.filter(part => part !== ''))
    wake()
  })
  socket.on('error', () => undefined)
  for (const event of ['end', 'close'])
    socket.on(event, () => {
      isEnded = true
      wake()
    })

  const client: RawClient = {
    socket,
    write: data => void socket.write(data),
    send: frame => void socket.write(`${JSON.stringify(frame)}\n`),
    async next() {
      for (;;) {
        const line = lines.shift()
        if (line !== undefined) return JSON.parse(line)
        if (isEnded) throw new Error('the connection ended')
        await new Promise<void>(resolve => void waiting.push(resolve))
      }
    },
    async rest() {
      const all: Record<string, unknown>[] = []
      for (;;) {
        const line = lines.shift()
        if (line !== undefined) all.push(JSON.parse(line))
        else if (isEnded) return all
        else await new Promise<void>(resolve => void waiting.push(resolve))
      }
    },
    hello() {
      client.send({
        jsonrpc: '2.0',
        id: 'h',
        method: 'hello',
        params: { protocol: 1, version: '1.0.0', client: 'raw' },
      })
      return client.next()
    },
    [Symbol.dispose]: () => void socket.destroy(),
  }
  return client
}
