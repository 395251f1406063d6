import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Log } from '#kernel'

/** Calls `answer` when it is this request's turn on its connection. */
export type InTurn = (request: IncomingMessage, response: ServerResponse, answer: () => void) => void

type Socket = IncomingMessage['socket']

/**
 * One request at a time for each connection. Node begins all that a client sends without waiting for answers (pipelining), and each of
 * them takes its memory although only the first can be sent. A client that goes too far with it is cut off.
 */
export function createTurns(log: Log): InTurn {
  /** Connections with a request under way -> those that wait behind it. */
  const waiting = new WeakMap<Socket, (() => void)[]>()

  function next(socket: Socket): void {
    const answer = socket.destroyed ? undefined : waiting.get(socket)?.shift()
    if (answer === undefined) waiting.delete(socket)
    else answer()
  }

  return (request, response, answer) => {
    const { socket } = request
    const behind = waiting.get(socket)
    if (behind !== undefined && behind.length >= maxWaiting) {
      if (!socket.destroyed)
        log.warn({ max: maxWaiting }, 'an HTTP client waits for no answer: its connection is closed')
      socket.destroy()
      return
    }
    response.once('close', () => next(socket))
    if (behind !== undefined) return void behind.push(answer)
    waiting.set(socket, [])
    answer()
  }
}

/** Hardly any client sends even two. */
const maxWaiting = 100
