import { createConnection } from 'node:net'
import { answerFrameSchema, errorFromShape, errorShapeFrom, eventFrameSchema } from '#contracts'
import { cancelled, messageOf } from '#kernel'
import { connectionLost, daemonError } from './errors.ts'
import { createLineReader } from './line-reader.ts'
import type { Socket } from 'node:net'
import type { AnswerFrame, WireEvent } from '#contracts'
import type { AppError } from '#kernel'

export interface RequestOptions {
  readonly signal?: AbortSignal
  readonly onEvent?: ((event: WireEvent) => void) | undefined
}

interface Pending {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: unknown) => void
  readonly onEvent: ((event: WireEvent) => void) | undefined
}

/** One connection to the daemon: requests out, answers and events in. It never reconnects; who owns it does. */
export class DaemonConnection implements Disposable {
  readonly #socket: Socket
  readonly #pending = new Map<number, Pending>()
  readonly #closed = Promise.withResolvers<void>()
  #nextId = 1
  /** What the daemon said of the connection as a whole before it ended it. */
  #farewell: AppError | undefined

  /** Resolves when connected; rejects with the system's error. */
  static open(path: string): Promise<DaemonConnection> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path)
      socket.once('error', reject)
      socket.once('connect', () => {
        socket.removeListener('error', reject)
        resolve(new DaemonConnection(socket))
      })
    })
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    const read = createLineReader(maxLineBytes)
    socket.on('data', chunk => {
      try {
        for (const line of read(Buffer.from(chunk))) this.#line(line)
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(messageOf(error)))
      }
    })
    let failure: unknown
    socket.on('error', error => void (failure = error))
    socket.on('close', () => this.#lost(failure))
  }

  get isClosed(): boolean {
    return this.#socket.destroyed
  }

  /** Resolves when the connection has ended, whoever ended it. */
  get closed(): Promise<void> {
    return this.#closed.promise
  }

  /** Rejects with the daemon's error, CANCELLED (its caller left), or DAEMON_CONNECTION_LOST. */
  request(method: string, params: unknown, options: RequestOptions = {}): Promise<unknown> {
    const { signal } = options
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(cancelled(method, signal.reason))
      if (this.isClosed) return reject(this.#farewell ?? connectionLost())
      const id = this.#nextId++
      const detach = (): void => {
        if (!this.#pending.delete(id)) return
        if (!this.isClosed) this.#write({ jsonrpc: '2.0', method: 'detach', params: { id } })
        reject(cancelled(method, signal?.reason))
      }
      signal?.addEventListener('abort', detach, { once: true })
      const done = (): void => signal?.removeEventListener('abort', detach)
      this.#pending.set(id, {
        onEvent: options.onEvent,
        resolve: result => (done(), resolve(result)),
        reject: error => (done(), reject(error)),
      })
      this.#write({ jsonrpc: '2.0', id, method, params })
    })
  }

  [Symbol.dispose](): void {
    this.#socket.destroy()
  }

  #write(frame: object): void {
    this.#socket.write(`${JSON.stringify(frame)}\n`)
  }

  #line(line: string): void {
    // The daemon sends blank lines to see whether we are there.
    if (line.trim() === '') return
    const frame: unknown = JSON.parse(line)
    const answer = answerFrameSchema.safeParse(frame)
    if (answer.success) return this.#answer(answer.data)
    const event = eventFrameSchema.safeParse(frame)
    // A kind of frame that we do not know is a newer daemon's: not ours to judge.
    if (!event.success || typeof event.data.params.call !== 'number') return
    this.#pending.get(event.data.params.call)?.onEvent?.(event.data.params.event)
  }

  #answer(answer: AnswerFrame): void {
    if (answer.id === null) {
      this.#farewell = errorOf(answer)
      return
    }
    const pending = typeof answer.id === 'number' ? this.#pending.get(answer.id) : undefined
    if (pending === undefined || typeof answer.id !== 'number') return
    this.#pending.delete(answer.id)
    if (answer.error === undefined) pending.resolve(answer.result)
    else pending.reject(errorOf(answer))
  }

  #lost(failure: unknown): void {
    const error = this.#farewell ?? connectionLost(failure)
    const waiting = Array.from(this.#pending.values())
    this.#pending.clear()
    for (const pending of waiting) pending.reject(error)
    this.#closed.resolve()
  }
}

function errorOf(answer: AnswerFrame): AppError {
  const shape = answer.error?.data
  if (shape === undefined) return daemonError(answer.error?.message ?? 'the daemon failed without saying why')
  return errorFromShape(errorShapeFrom(shape))
}

/** Far above any answer: all messages of a long turn with its diffs. */
const maxLineBytes = 256 * 1024 * 1024
