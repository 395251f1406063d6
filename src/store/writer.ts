import { within } from '#kernel'
import type { AppError } from '#kernel'
import { randomUUID } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { storeWriterEnded, storeWriterStopped } from './errors.ts'
import { storeErrorOf } from './sqlite-errors.ts'
import { WriteQueue } from './write-queue.ts'
import type { GroupOutcome, PendingWrite, WriteFailure, WriteQueueOptions } from './write-queue.ts'
import type { Batch, BatchResult, FromWriter, ToWriter, WriterSetup } from './writer-messages.ts'

export type WriterOptions = WriterSetup & Omit<WriteQueueOptions, 'write'>

/** The thread's heap: a copy of the largest group (two bytes a character) and little else. */
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 4, stackSizeMb: 1 }
const exitMs = 5_000

/** The main thread's side of the writer thread. */
export class Writer implements AsyncDisposable {
  readonly #options: WriterOptions
  readonly #queue: WriteQueue
  #worker: Worker | undefined
  #flight: Flight | undefined
  #isClosing = false

  constructor(options: WriterOptions) {
    this.#options = options
    this.#queue = new WriteQueue({ ...options, write: group => this.#write(group) })
  }

  /** Throws when there is no room. All that is submitted in one turn of the event loop travels together. */
  submit(write: PendingWrite): void {
    this.#queue.submit(write)
  }

  /** Takes nothing more and writes what was accepted; what is not under way after ten seconds is refused. */
  drain(): Promise<void> {
    return this.#queue.drain()
  }

  /** Drains, then ends the thread. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
    this.#isClosing = true
    const worker = this.#worker
    if (worker === undefined) return
    const ended = new Promise<void>(resolve => worker.once('exit', () => resolve()))
    worker.postMessage({ kind: 'close' } satisfies ToWriter)
    const outcome = await within(this.#options.clock, exitMs, ended)
    if (outcome.kind === 'timeout') await worker.terminate()
  }

  #write(batches: readonly Batch[]): Promise<GroupOutcome> {
    return new Promise(settle => {
      const group = randomUUID()
      this.#flight = { group, settle, isAsked: false }
      this.#post({ kind: 'write', group, batches })
    })
  }

  #post(message: ToWriter): void {
    try {
      this.#worker ??= this.#startWorker()
      this.#worker.postMessage(message)
    } catch (error) {
      // No thread to be had (EAGAIN): the next write tries again.
      this.#land(rejecting(storeWriterStopped(error)))
    }
  }

  #startWorker(): Worker {
    const { file, lockWaitMs, faults } = this.#options
    const workerData: WriterSetup = { file, lockWaitMs, faults }
    const worker = new Worker(writerFile(), { workerData, resourceLimits, execArgv: [], name: 'store-writer' })
    let cause: unknown
    worker.on('message', (answer: FromWriter) => this.#land(this.#outcomeOf(answer)))
    worker.on('error', error => (cause = error))
    // Also after an error.
    worker.on('exit', () => {
      this.#worker = undefined
      this.#ended(cause)
    })
    return worker
  }

  /** What was in flight may have been committed or not, and nobody is told anything before the next thread has looked. */
  #ended(cause: unknown): void {
    const flight = this.#flight
    if (flight === undefined) return
    if (flight.isAsked || this.#isClosing) return this.#land(rejecting(storeWriterStopped(cause)))
    this.#flight = { ...flight, isAsked: true }
    this.#post({ kind: 'ask', group: flight.group })
  }

  #outcomeOf(answer: FromWriter): GroupOutcome {
    const { file } = this.#options
    if (answer.kind === 'absent') return rejecting(storeWriterEnded())
    if (answer.kind === 'results') return index => failureOf(file, answer.results[index])
    const error = storeErrorOf(file, answer.problem)
    // An answer that it could not look says nothing of the group.
    return rejecting(this.#flight?.isAsked === true ? storeWriterStopped(error) : error)
  }

  #land(outcome: GroupOutcome): void {
    const flight = this.#flight
    this.#flight = undefined
    flight?.settle(outcome)
  }
}

/** The group that the thread has. */
interface Flight {
  readonly group: string
  /** Tells the queue what became of it. */
  readonly settle: (outcome: GroupOutcome) => void
  /** The thread that had it ended; another one looks for it. */
  readonly isAsked: boolean
}

const rejecting =
  (error: AppError): GroupOutcome =>
  () => ({ kind: 'error', error })

/** From source the thread is TypeScript beside this file; in a release it is a bundle of its own beside this one. */
function writerFile(): URL {
  const name = import.meta.url.endsWith('.ts') ? './writer-thread.ts' : './store-writer.js'
  return new URL(name, import.meta.url)
}

function failureOf(file: string, result: BatchResult | undefined): WriteFailure | undefined {
  if (result === undefined) return { kind: 'error', error: storeWriterStopped() }
  if (result.kind === 'written') return undefined
  return result.kind === 'unexpected' ? result : { kind: 'error', error: storeErrorOf(file, result.problem) }
}
