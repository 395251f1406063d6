export interface BodyWatch {
  /** Called once, when the body has ended, broke, or is not wanted any more. */
  readonly over: () => void
  /** What may wait for a client that does not read; one message may be longer. */
  readonly maxWaitingBytes: number
  /** Called, after `over`, when that is passed: to end the connection. */
  readonly cut: () => void
}

/** The same response, whose body is watched. The SDK puts into a stream whatever there is, read or not: so it is taken out here, and counted. */
export function whenOver(response: Response, watch: BodyWatch): Response {
  if (response.body === null) {
    watch.over()
    return response
  }
  const reader = response.body.getReader()
  const taken = createTaken(reader, watch)
  let isCancelled = false
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const next = await taken.next()
        if (next.kind === 'chunk') return controller.enqueue(next.chunk)
        taken.end()
        if (isCancelled) return
        if (next.kind === 'broken') controller.error(next.error)
        else controller.close()
      },
      async cancel(reason) {
        isCancelled = true
        taken.end()
        await reader.cancel(reason)
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { status: response.status, headers: response.headers })
}

type Next =
  | { readonly kind: 'chunk'; readonly chunk: Uint8Array }
  | { readonly kind: 'end' }
  | { readonly kind: 'broken'; readonly error: unknown }

interface Taken {
  next(): Promise<Next>
  end(): void
}

/** Takes all there is at once, and keeps it until it is asked for. */
function createTaken(reader: ReadableStreamDefaultReader<Uint8Array>, watch: BodyWatch): Taken {
  const waiting: Uint8Array[] = []
  let waitingBytes = 0
  let isOver = false
  let end: Next | undefined
  let news = Promise.withResolvers<void>()

  function finish(): void {
    if (isOver) return
    isOver = true
    waiting.length = 0
    watch.over()
  }

  async function take(): Promise<void> {
    for (;;) {
      const { done, value } = await reader.read()
      if (done || isOver) return
      if (waiting.length > 0 && waitingBytes + value.byteLength > watch.maxWaitingBytes) break
      waiting.push(value)
      waitingBytes += value.byteLength
      news.resolve()
    }
    finish()
    watch.cut()
    await reader.cancel()
  }

  async function takeAll(): Promise<void> {
    try {
      await take()
      end = { kind: 'end' }
    } catch (error) {
      end = { kind: 'broken', error }
    }
    news.resolve()
  }

  void takeAll()
  return {
    async next() {
      for (;;) {
        const chunk = waiting.shift()
        if (chunk !== undefined) {
          waitingBytes -= chunk.byteLength
          return { kind: 'chunk', chunk }
        }
        if (end !== undefined) return end
        await news.promise
        news = Promise.withResolvers()
      }
    },
    end: finish,
  }
}
