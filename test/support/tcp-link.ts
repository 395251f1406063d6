import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import type { Socket } from 'node:net'

/** Between a client and a server: passes everything on, until it is told otherwise. */
export interface Link extends AsyncDisposable {
  /** The URL with this link in place of its server. */
  readonly url: string
  /** What the server says from now on is lost; its next word cuts the connection that it came by. */
  loseAnswers(): void
  /** The connections that are open carry nothing any more, in either direction. */
  stall(): void
  /** New connections are cut at once, taken without a word, or served again. */
  refuse(how: 'refuse' | 'ignore' | 'serve'): void
  /** How many new connections were cut at once. */
  readonly refused: number
  cut(): void
}

export async function startLink(url: string): Promise<Link> {
  const target = new URL(url)
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket }>()
  let isDeaf = false
  let refused = 0
  let how: 'refuse' | 'ignore' | 'serve' = 'serve'
  const ignored = new Set<Socket>()
  const server = createServer(near => {
    if (how === 'refuse') {
      refused += 1
      return void near.destroy()
    }
    if (how === 'ignore') {
      ignored.add(near)
      return void near.on('error', () => undefined)
    }
    const far = createConnection(Number(target.port), target.hostname)
    const pair = { near, far }
    pairs.add(pair)
    for (const socket of [near, far]) {
      socket.on('error', () => undefined)
      socket.on('close', () => {
        pairs.delete(pair)
        near.destroy()
        far.destroy()
      })
    }
    near.on('data', data => far.write(data))
    far.on('data', data => {
      if (!isDeaf) return void near.write(data)
      isDeaf = false
      near.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a link has a port')
  const here = new URL(url)
  here.port = String(address.port)
  const cut = (): void => {
    for (const { near } of pairs) near.destroy()
    for (const near of ignored) near.destroy()
  }
  return {
    url: here.href,
    get refused() {
      return refused
    },
    loseAnswers() {
      isDeaf = true
    },
    stall() {
      for (const { near, far } of pairs) {
        near.removeAllListeners('data')
        far.removeAllListeners('data')
      }
    },
    refuse(now) {
      how = now
    },
    cut,
    async [Symbol.asyncDispose]() {
      cut()
      await new Promise<void>(resolve => void server.close(() => resolve()))
    },
  }
}
