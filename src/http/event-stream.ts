import { errorShapeOf } from '#kernel'
import type { Clock, Log } from '#kernel'
import type { WireEvent } from '#contracts'

export interface EventStreamOptions {
  /** Runs the call: passes events on, answers, or rejects. Its signal aborts when the client leaves or is cut. */
  readonly run: (onEvent: (event: WireEvent) => void, signal: AbortSignal) => Promise<unknown>
  /** What may wait for a client that does not read; one event may be longer. */
  readonly maxWaitingBytes: number
  /** Ends the connection of a client that does not read. */
  readonly cut: () => void
  readonly clock: Clock
  readonly log: Log
}

/**
 * A call as server-sent events: `id` and `event` of each event that it passes, at the end `answer` or `error`. A client that was cut
 * comes back with the last `id` as its cursor.
 */
export function eventStream(options: EventStreamOptions): Response {
  const { clock, log, maxWaitingBytes } = options
  const left = new AbortController()
  let timer: Disposable | undefined
  let isOver = false

  const end = (): void => {
    isOver = true
    timer?.[Symbol.dispose]()
  }

  function start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    const send = (text: string): void => {
      if (isOver) return
      const chunk = encoder.encode(text)
      const waiting = maxWaitingBytes - (controller.desiredSize ?? 0)
      if (waiting === 0 || waiting + chunk.byteLength <= maxWaitingBytes) return controller.enqueue(chunk)
      log.warn({ waiting, next: chunk.byteLength }, 'a client does not read its events: its connection is closed')
      end()
      left.abort()
      options.cut()
    }
    const keepAlive = (): void => {
      send(': still here\n\n')
      timer = isOver ? undefined : clock.after(keepAliveMs, keepAlive)
    }
    const finish = (text: string): void => {
      if (isOver) return
      send(text)
      if (isOver) return
      end()
      controller.close()
    }
    // At once, so that the client knows that it is connected.
    send('retry: 2000\n\n')
    timer = clock.after(keepAliveMs, keepAlive)
    const onEvent = (event: WireEvent): void =>
      send(`id: ${event.seq}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`)
    options
      .run(onEvent, left.signal)
      .then(answer => finish(`event: answer\ndata: ${JSON.stringify(answer)}\n\n`))
      .catch((error: unknown) => {
        const shape = errorShapeOf(error)
        if (shape.kind === 'bug' && !isOver) log.error({ error }, 'a request failed by a fault of ours')
        finish(`event: error\ndata: ${JSON.stringify({ error: shape })}\n\n`)
      })
  }

  const body = new ReadableStream<Uint8Array>(
    {
      start,
      cancel() {
        end()
        left.abort()
      },
    },
    { highWaterMark: maxWaitingBytes, size: chunk => chunk.byteLength },
  )
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
}

const keepAliveMs = 15_000
const encoder = new TextEncoder()
