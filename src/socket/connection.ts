import { rpcErrorOf } from './error-codes.ts'
import { helloTimeout } from './errors.ts'
import { createFrameReader, isBlank, parseFrame } from './frame-reader.ts'
import { RpcSession } from './rpc-session.ts'
import { createPlainSession, isPlainFrame, plainFailure } from './plain-session.ts'
import { errorShapeOf } from '#kernel'
import type { Socket } from 'node:net'
import type { Clock } from '#kernel'
import type { Session, SessionDeps } from './session.ts'

export interface ConnectionOptions extends Omit<SessionDeps, 'send' | 'end'> {
  readonly clock: Clock
  readonly maxFrameBytes: number
  readonly maxOutgoingBytes: number
  readonly helloTimeoutMs: number
}

/** One client: bytes in, bytes out, and the session that its first line chose. */
export class Connection {
  readonly #socket: Socket
  readonly #options: ConnectionOptions
  readonly #reader: ReturnType<typeof createFrameReader>
  readonly #deadline: Disposable
  #probe: Disposable | undefined
  #session: Session | undefined
  /** Characters that were written in this turn of the event loop and are not on their way. */
  #gathered = 0
  /** Nothing more is read: too large a line, the last answer is on its way, or the client ended its side. */
  #isDeaf = false

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket
    this.#options = options
    this.#reader = createFrameReader(options.maxFrameBytes)
    this.#deadline = options.clock.after(options.helloTimeoutMs, () =>
      this.#giveUp(helloTimeout(options.helloTimeoutMs)),
    )
    socket.on('data', chunk => this.#read(typeof chunk === 'string' ? Buffer.from(chunk) : chunk))
    socket.on('end', () => this.#inputEnded())
    socket.on('error', error => options.log.debug({ error }, 'client connection broke'))
    socket.on('close', () => this.#gone())
  }

  /** Answers what is open with `error`, then ends the connection. */
  async close(error: Error): Promise<void> {
    this.#isDeaf = true
    await this.#session?.close(error)
    this.#end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #read(chunk: Buffer): void {
    if (this.#isDeaf) return
    try {
      for (const line of this.#reader.push(chunk)) this.#line(line, false)
    } catch (error) {
      return this.#giveUp(error)
    }
    if (this.#session === undefined && !this.#isDeaf) this.#tryBareLine()
  }

  /** A client of the plain protocol may write its object without a newline and wait: a whole object is a frame, then. */
  #tryBareLine(): void {
    const pending = this.#reader.peekObject()
    if (pending === undefined) return
    try {
      if (!isPlainFrame(parseFrame(pending))) return
    } catch {
      // Not whole yet: the rest is on its way.
      return
    }
    this.#line(this.#reader.takeRest(), true)
    this.#isDeaf = true
  }

  #line(line: Buffer, isBare: boolean): void {
    if (this.#isDeaf || isBlank(line)) return
    try {
      const frame = parseFrame(line)
      this.#session ??= this.#choose(frame)
      this.#session.accept(frame, isBare)
    } catch (error) {
      this.#refuse(error)
    }
  }

  #choose(frame: unknown): Session {
    this.#deadline[Symbol.dispose]()
    const deps: SessionDeps = { ...this.#options, send: message => this.#send(message), end: () => this.#end() }
    return isPlainFrame(frame) ? createPlainSession(deps) : new RpcSession(deps)
  }

  #refuse(error: unknown): void {
    this.#options.log.debug({ error: errorShapeOf(error) }, 'frame refused')
    if (this.#session !== undefined) return this.#session.refuse(error)
    this.#send(answerBeforeSession(error))
  }

  #giveUp(error: unknown): void {
    this.#isDeaf = true
    this.#refuse(error)
    this.#end()
  }

  /** The client sends no more. Half a line is answered as such; calls that wait are still answered, if it still listens. */
  #inputEnded(): void {
    const rest = this.#isDeaf ? Buffer.alloc(0) : this.#reader.takeRest()
    this.#line(rest, false)
    this.#isDeaf = true
    this.#probeOrEnd()
  }

  /**
   * A client that closed looks like one that only ended its sending (`… | nc -U`) until something is written.
   * An empty line, which both protocols ignore, tells: it breaks the connection of the first and leaves the second.
   */
  #probeOrEnd(): void {
    if (this.#socket.destroyed) return
    if (this.#session === undefined || this.#session.calls === 0) return this.#end()
    this.#socket.write('\n')
    this.#probe = this.#options.clock.after(probeEveryMs, () => this.#probeOrEnd())
  }

  #send(message: object): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    const line = this.#lineOf(message)
    const waiting = this.#socket.writableLength - this.#gathered
    // One answer may be longer than the bound; a second one may not queue up behind it.
    if (waiting > 0 && waiting + line.length > this.#options.maxOutgoingBytes) {
      this.#options.log.warn({ waiting, next: line.length }, 'a client does not read: its connection is closed')
      return void this.#socket.destroy()
    }
    this.#write(line)
  }

  /** What is said in one turn of the event loop travels together: the events of one commit are one piece for their reader. */
  #write(line: string): void {
    if (this.#gathered === 0) {
      this.#socket.cork()
      process.nextTick(() => this.#flush())
    }
    this.#gathered += line.length
    this.#socket.write(line)
    if (this.#gathered > maxGathered) this.#flush()
  }

  #flush(): void {
    if (this.#gathered === 0) return
    this.#gathered = 0
    this.#socket.uncork()
  }

  /** A result that is not JSON is a fault of ours, and must not take the daemon down. */
  #lineOf(message: object): string {
    try {
      return `${JSON.stringify(message)}\n`
    } catch (error) {
      this.#options.log.error({ error }, 'an answer could not be written as JSON')
      return `${JSON.stringify({ ...answerBeforeSession(error), ...('id' in message ? { id: message.id } : {}) })}\n`
    }
  }

  #end(): void {
    this.#isDeaf = true
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    this.#socket.end()
    // What it still sends is read and dropped, so that it gets our answer instead of a reset; but not for long.
    this.#socket.resume()
    this.#probe?.[Symbol.dispose]()
    this.#probe = this.#options.clock.after(lingerMs, () => this.#socket.destroy())
  }

  #gone(): void {
    this.#isDeaf = true
    this.#deadline[Symbol.dispose]()
    this.#probe?.[Symbol.dispose]()
    this.#session?.detach()
  }
}

/** Which protocol is meant is not known yet, so the answer is one in both. */
export function answerBeforeSession(error: unknown): object {
  return { jsonrpc: '2.0', id: null, error: rpcErrorOf(error), ...plainFailure(error) }
}

const maxGathered = 64 * 1024
const probeEveryMs = 1000
const lingerMs = 1000
