import type { Server } from 'node:http'
import type { Clock, Log } from '#kernel'

export interface StallWatch extends Disposable {
  /** Connections that are open. */
  readonly connections: number
}

/** Ends connections whose client takes nothing of what waits for it, for one to two of `everyMs`. */
export function watchStalled(
  server: Server,
  { clock, log, everyMs }: { readonly clock: Clock; readonly log: Log; readonly everyMs: number },
): StallWatch {
  /** Connection -> what it had taken when we looked last, or undefined when nothing waited. */
  const taken = new Map<Connection, number | undefined>()
  server.on('connection', (socket: Connection) => {
    taken.set(socket, undefined)
    socket.once('close', () => taken.delete(socket))
  })

  function look(): void {
    for (const [socket, before] of taken) {
      // What was written and left this process; the rest of it waits in `writableLength`.
      const now = socket.writableLength === 0 ? undefined : socket.bytesWritten - socket.writableLength
      taken.set(socket, now)
      if (now === undefined || now !== before) continue
      log.warn({ waiting: socket.writableLength }, 'an HTTP client takes nothing: its connection is closed')
      socket.destroy()
    }
    timer = clock.after(everyMs, look)
  }
  let timer = clock.after(everyMs, look)
  return {
    get connections() {
      return taken.size
    },
    [Symbol.dispose]: () => timer[Symbol.dispose](),
  }
}

/** Of a socket, what is looked at here. */
interface Connection {
  readonly writableLength: number
  readonly bytesWritten: number
  once(event: 'close', listener: () => void): unknown
  destroy(): unknown
}
