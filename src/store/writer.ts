import type { AppError, Clock } from '#kernel'
import { within } from '#kernel'
import { Worker } from 'node:worker_threads'
import { storeBusy, storeClosed, storeTooLarge, storeWriterStopped } from './errors.ts'
import { storeErrorOf } from './sqlite-errors.ts'
import type { Batch, BatchResult, FromWriter, ToWriter, WriterSetup } from './writer-messages.ts'

/** A batch on its way to the disk. Exactly one of its two ends is called, in the order of `submit`. */
export interface PendingWrite {
  readonly batch: Batch
  readonly bytes: number
  written(): void
  /** `unexpected`: the statement that touched another number of rows than it should. */
  failed(failure: WriteFailure): void
}

export type WriteFailure =
  | { readonly kind: 'unexpected'; readonly statement: number }
  | { readonly kind: 'error'; readonly error: AppError }

export interface WriterOptions extends WriterSetup {
  readonly clock: Clock
  readonly maxPendingWrites: number
  readonly maxPendingBytes: number
}

/** What one transaction takes at most: the thread holds a copy of it, and one failed commit loses no more. */
const groupLimits = { writes: 1000, bytes: 8 * 1024 * 1024 }
/** The thread's heap: a copy of the largest group (two bytes a character) and little else. */
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 }
const drainMs = 10_000
const exitMs = 5_000

/** The main thread's side of the writer thread: a bounded queue, and one group in flight. */
export class Writer implements AsyncDisposable {
  readonly #options: WriterOptions
  #waiting: PendingWrite[] = []
  #inFlight: readonly PendingWrite[] = []
  #pendingBytes = 0
  #worker: Worker | undefined
  #isFlushing = false
  #isClosed = false
  #whenIdle: (() => void) | undefined

  constructor(options: WriterOptions) {
    this.#options = options
  }

  /** Throws when there is no room. All that is submitted in one turn of the event loop travels together. */
  submit(write: PendingWrite): void {
    const { maxPendingWrites, maxPendingBytes } = this.#options
    const pending = this.#waiting.length + this.#inFlight.length
    if (this.#isClosed) throw storeClosed()
    if (write.bytes > maxPendingBytes) throw storeTooLarge(write.bytes, maxPendingBytes)
    if (pending >= maxPendingWrites || this.#pendingBytes + write.bytes > maxPendingBytes) {
      throw storeBusy(pending, this.#pendingBytes)
    }
    this.#waiting.push(write)
    this.#pendingBytes += write.bytes
    this.#flushSoon()
  }

  /** Takes nothing more and writes what was accepted; what is not under way after ten seconds is refused. */
  async drain(): Promise<void> {
    this.#isClosed = true
    const idle = new Promise<void>(resolve => {
      this.#whenIdle = resolve
      this.#tellWhenIdle()
    })
    await within(this.#options.clock, drainMs, idle)
    const late = this.#waiting
    this.#waiting = []
    for (const write of late) write.failed({ kind: 'error', error: storeClosed() })
  }

  /** Drains, then ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
    const worker = this.#worker
    if (worker === undefined) return
    const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()))
    worker.postMessage({ kind: 'close' } satisfies ToWriter)
    const outcome = await within(this.#options.clock, exitMs, ended)
    if (outcome.kind === 'timeout') await worker.terminate()
  }

  #flushSoon(): void {
    if (this.#isFlushing || this.#inFlight.length > 0 || this.#waiting.length === 0) return
    this.#isFlushing = true
    setImmediate(() => {
      this.#isFlushing = false
      this.#flush()
    })
  }

  #flush(): void {
    const size = groupSize(this.#waiting)
    this.#inFlight = this.#waiting.slice(0, size)
    this.#waiting = this.#waiting.slice(size)
    const batches = this.#inFlight.map(write => write.batch)
    try {
      this.#worker ??= this.#startWorker()
      this.#worker.postMessage({ kind: 'write', batches } satisfies ToWriter)
    } catch (error) {
      // No thread to be had (EAGAIN): the next write tries again.
      this.#end(() => ({ kind: 'error', error: storeWriterStopped(error) }))
    }
  }

  #startWorker(): Worker {
    const { file, lockWaitMs, faults } = this.#options
    const workerData: WriterSetup = { file, lockWaitMs, faults }
    const worker = new Worker(writerFile(), { workerData, resourceLimits, execArgv: [], name: 'store-writer' })
    let cause: unknown
    worker.on('message', (answer: FromWriter) => this.#settle(answer))
    worker.on('error', error => (cause = error))
    // Also after an error; what was in flight may have been committed or not.
    worker.on('exit', () => {
      this.#worker = undefined
      this.#end(() => ({ kind: 'error', error: storeWriterStopped(cause) }))
    })
    return worker
  }

  #settle(answer: FromWriter): void {
    const { file } = this.#options
    if (answer.kind === 'failed') {
      return this.#end(() => ({ kind: 'error', error: storeErrorOf(file, answer.problem) }))
    }
    this.#end(index => failureOf(file, answer.results[index]))
  }

  /** Answers everybody in the group, in order, then sends the next one. */
  #end(failureAt: (index: number) => WriteFailure | undefined): void {
    const ended = this.#inFlight
    this.#inFlight = []
    for (const [index, write] of ended.entries()) {
      this.#pendingBytes -= write.bytes
      const failure = failureAt(index)
      if (failure === undefined) write.written()
      else write.failed(failure)
    }
    this.#flushSoon()
    this.#tellWhenIdle()
  }

  #tellWhenIdle(): void {
    if (this.#waiting.length === 0 && this.#inFlight.length === 0) this.#whenIdle?.()
  }
}

/** From source the thread is TypeScript beside this file; in a release it is a bundle of its own beside this one. */
function writerFile(): URL {
  const name = import.meta.url.endsWith('.ts') ? './writer-thread.ts' : './store-writer.js'
  return new URL(name, import.meta.url)
}

/** How many of the first ones fit into one group; at least one. */
function groupSize(waiting: readonly PendingWrite[]): number {
  let bytes = 0
  const over = waiting.findIndex((write, index) => {
    bytes += write.bytes
    return index > 0 && (index >= groupLimits.writes || bytes > groupLimits.bytes)
  })
  return over === -1 ? waiting.length : over
}

function failureOf(file: string, result: BatchResult | undefined): WriteFailure | undefined {
  if (result === undefined) return { kind: 'error', error: storeWriterStopped() }
  if (result.kind === 'written') return undefined
  return result.kind === 'unexpected' ? result : { kind: 'error', error: storeErrorOf(file, result.problem) }
}
