import type { AppError, Clock } from '#kernel'
import { within } from '#kernel'
import { storeBusy, storeClosed, storeTooLarge } from './errors.ts'
import type { Batch } from './writer-messages.ts'

/** A batch on its way to the disk. Exactly one of its two ends is called, in the order of `submit`. */
export interface PendingWrite {
  readonly batch: Batch
  readonly bytes: number
  /** Of its last event. */
  readonly lastSeq?: number | undefined
  written(): void
  /** `unexpected`: the statement that touched another number of rows than it should. */
  failed(failure: WriteFailure): void
}

export type WriteFailure =
  | { readonly kind: 'unexpected'; readonly statement: number }
  | { readonly kind: 'error'; readonly error: AppError }

/** What became of each batch of a group, by its place; undefined: written. */
export type GroupOutcome = (index: number) => WriteFailure | undefined

export interface WriteQueueOptions {
  readonly clock: Clock
  readonly maxPendingWrites: number
  readonly maxPendingBytes: number
  /** Writes a group as one transaction and never rejects. Called for one group at a time; `lastSeq` is of its last event, if any. */
  readonly write: (group: readonly Batch[], lastSeq: number | undefined) => Promise<GroupOutcome>
}

/** What one transaction takes at most: it is held in memory, and one failed commit loses no more. */
const groupLimits = { writes: 1000, bytes: 8 * 1024 * 1024 }
const drainMs = 10_000

/** A bounded queue of writes, and one group of them in flight. */
export class WriteQueue {
  readonly #options: WriteQueueOptions
  #waiting: PendingWrite[] = []
  #inFlight: readonly PendingWrite[] = []
  #pendingBytes = 0
  #isFlushing = false
  #isClosed = false
  #drained: Promise<void> | undefined
  #whenIdle: (() => void) | undefined

  constructor(options: WriteQueueOptions) {
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
  drain(): Promise<void> {
    this.#drained ??= this.#drain()
    return this.#drained
  }

  /** Answers what waits, but not what is in flight: nothing of it is written. */
  refuseWaiting(error: AppError): void {
    const refused = this.#waiting
    this.#waiting = []
    for (const write of refused) {
      this.#pendingBytes -= write.bytes
      write.failed({ kind: 'error', error })
    }
  }

  async #drain(): Promise<void> {
    this.#isClosed = true
    const idle = new Promise<void>(resolve => {
      this.#whenIdle = resolve
      this.#tellWhenIdle()
    })
    await within(this.#options.clock, drainMs, idle)
    this.refuseWaiting(storeClosed())
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
    if (this.#inFlight.length === 0) return
    const lastSeq = this.#inFlight.findLast(write => write.lastSeq !== undefined)?.lastSeq
    const batches = this.#inFlight.map(write => write.batch)
    void this.#options.write(batches, lastSeq).then(outcome => this.#end(outcome))
  }

  /** Answers everybody in the group, in order, then sends the next one. */
  #end(outcome: GroupOutcome): void {
    const ended = this.#inFlight
    this.#inFlight = []
    for (const [index, write] of ended.entries()) {
      this.#pendingBytes -= write.bytes
      const failure = outcome(index)
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

/** How many of the first ones fit into one group; at least one. */
function groupSize(waiting: readonly PendingWrite[]): number {
  let bytes = 0
  const over = waiting.findIndex((write, index) => {
    bytes += write.bytes
    return index > 0 && (index >= groupLimits.writes || bytes > groupLimits.bytes)
  })
  return over === -1 ? waiting.length : over
}
