import { chmodSync } from 'node:fs'
import { createConnection, createServer } from 'node:net'
import { once } from 'node:events'
import type { Socket } from 'node:net'

/** A socket that passes everything on to another, until it is cut: what a client sees of a daemon that was killed. */
export interface CuttableLink extends AsyncDisposable {
  /** Breaks every connection, in the middle of whatever it carries. */
  cut(): void
}

export async function startCuttableLink(path: string, target: string): Promise<CuttableLink> {
  const sockets = new Set<Socket>()
  const server = createServer(near => {
    const far = createConnection(target)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    near.pipe(far)
    far.pipe(near)
  })
  server.listen(path)
  await once(server, 'listening')
  chmodSync(path, 0o600)
  const cut = (): void => sockets.forEach(socket => socket.destroy())
  return {
    cut,
    async [Symbol.asyncDispose]() {
      cut()
      await new Promise<void>(resolve => void server.close(() => resolve()))
    },
  }
}
