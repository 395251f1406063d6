import { verbs as descriptions } from '#contracts'
import { backoffMs, cancelled, sleep } from '#kernel'
import { connectToDaemon } from './connect.ts'
import { answerInvalid, clientClosed } from './errors.ts'
import { createRepeatableCall, isInterruption } from './repeat.ts'
import type { CallOptions, HelloResult, Places, VerbCaller, VerbInput, VerbName, VerbOutput } from '#contracts'
import type { Clock } from '#kernel'
import type { Connected, StartDaemon } from './connect.ts'
import type { RepeatableCall } from './repeat.ts'

/** Who speaks to the daemon: a name for its log, and our version, which decides who is newer. */
export interface ClientIdentity {
  readonly name: string
  readonly version: string
}

export interface ClientOptions {
  readonly places: Places
  readonly clock: Clock
  readonly identity: ClientIdentity
  /** Without it a missing daemon is DAEMON_NOT_RUNNING. */
  readonly startDaemon?: StartDaemon
  /** How long connecting may take, a start of the daemon included. Default 10,000. */
  readonly connectTimeoutMs?: number
  /** How long an older daemon may take to make room, besides that. Default 25,000. */
  readonly stopTimeoutMs?: number
  /** How long the daemon's supervisor has to bring back one that died in a call before we start one. Default 1,000 to 2,000. */
  readonly patienceMs?: number
}

/**
 * Calls verbs over the socket. Connects at the first call, and again whenever the connection is lost: a call that cannot do
 * anything twice is then sent again, and its caller notices nothing but the time. Disposing detaches what waits.
 */
export interface Client extends VerbCaller, AsyncDisposable {
  /** Connects now, unless connected, and answers what the daemon said of itself. */
  connect(): Promise<HelloResult>
}

export function createClient(options: ClientOptions): Client {
  return new SocketClient(options)
}

class SocketClient implements Client {
  readonly #options: ClientOptions
  readonly #closing = new AbortController()
  #current: Connected | undefined
  #connecting: Promise<Connected> | undefined

  constructor(options: ClientOptions) {
    this.#options = options
  }

  async connect(): Promise<HelloResult> {
    const { hello } = await this.#connected(0)
    return hello
  }

  async call<N extends VerbName>(verb: N, input: VerbInput<N>, request: CallOptions): Promise<VerbOutput<N>> {
    const { clock } = this.#options
    const beganAt = clock.monotonic()
    const call = createRepeatableCall({
      verb,
      input,
      onEvent: request.onEvent,
      elapsedMs: () => clock.monotonic() - beganAt,
    })
    return outputOf(verb, await this.#untilAnswered(verb, call, request))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#connecting?.catch(ignoreClosed)
    this.#current?.connection[Symbol.dispose]()
    await this.#current?.connection.closed
  }

  async #untilAnswered(verb: VerbName, call: RepeatableCall, request: CallOptions): Promise<unknown> {
    for (let repeats = 0; ; repeats += 1) {
      const sentAt = this.#options.clock.monotonic()
      try {
        return await this.#send(verb, call, { ...request, repeats })
      } catch (error) {
        if (this.#closing.signal.aborted) throw clientClosed()
        if (!isInterruption(error) || !call.mayRepeat || repeats >= maxRepeats) throw error
        // A daemon that held for a while is not one that this call keeps killing.
        if (this.#options.clock.monotonic() - sentAt > 60_000) repeats = 0
        await sleep(backoffMs(repeats, { firstMs: 50, maxMs: 2000 }), request.signal)
      }
    }
  }

  async #send(verb: VerbName, call: RepeatableCall, request: CallOptions & { repeats: number }): Promise<unknown> {
    // Spread over a second, so that many clients of one daemon do not all start one.
    const patienceMs = request.repeats === 0 ? 0 : (this.#options.patienceMs ?? 1000 + Math.random() * 1000)
    const { connection } = await unlessAborted(this.#connected(patienceMs), request.signal)
    const params = { input: call.input(), caller: request.caller, events: call.onEvent !== undefined }
    return connection.request(verb, params, {
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      onEvent: call.onEvent,
    })
  }

  async #connected(patienceMs: number): Promise<Connected> {
    if (this.#closing.signal.aborted) throw clientClosed()
    if (this.#current !== undefined && !this.#current.connection.isClosed) return this.#current
    this.#connecting ??= this.#open(patienceMs).finally(() => void (this.#connecting = undefined))
    return this.#connecting
  }

  async #open(patienceMs: number): Promise<Connected> {
    this.#current = await connectToDaemon({
      ...this.#options,
      timeoutMs: this.#options.connectTimeoutMs ?? 10_000,
      patienceMs,
      signal: this.#closing.signal,
    })
    return this.#current
  }
}

const maxRepeats = 8

/** Whoever waited for the connection got the error; closing only needs it to be over. */
const ignoreClosed = (): void => undefined

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(cancelled('connecting', signal.reason))
    signal.addEventListener('abort', leave, { once: true })
    // Listened to in any case: a failure that came after its caller had left would be nobody's, and end the process.
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
    if (signal.aborted) leave()
  })
}

/** The answer as its schema has it: what another version of the daemon sends is not trusted to be what the types say. */
function outputOf<N extends VerbName>(verb: N, answer: unknown): VerbOutput<N> {
  const parsed = descriptions[verb].output.safeParse(answer)
  if (!parsed.success)
    throw answerInvalid(verb, parsed.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('; '))
  // The compiler cannot follow a generic name through the table of schemas; the line above parsed with that name's schema.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return parsed.data as VerbOutput<N>
}
