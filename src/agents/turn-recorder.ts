import { AppError, backoffMs, messageOf, sleep } from '#kernel'
import type { Clock, Log } from '#kernel'
import type { CodexEvent } from '#codex'
import type { NewEvent } from '#contracts'
import type { Change, EventInput, Store } from '#store'
import { noteOf } from './event-notes.ts'

/** Text that has come is on its way to the store at most this much later. */
const textIntervalMs = 30
/** Tries of a write that fails for a passing reason (a full disk), with pauses up to 5 s: about 10 minutes. */
const maxTries = 130
/** Events in one write, and characters of their data: far below what the store refuses as too large. */
const maxBatchEvents = 1000
const maxBatchChars = 4 * 1024 * 1024

function isThereAlready(error: unknown): boolean {
  return error instanceof AppError && error.code === 'STORE_DUPLICATE_KEY'
}

/** A closed store stays closed: the daemon stops, and the next start takes the turn up. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof AppError) || error.code === 'STORE_CLOSED') return false
  return error.kind === 'unavailable' || error.kind === 'busy'
}

export interface RecorderDeps {
  readonly store: Pick<Store, 'commit'>
  readonly clock: Clock
  readonly log: Log
}

export type Place = Pick<EventInput, 'agentId' | 'turnId' | 'threadId'>

interface Entry {
  readonly changes: readonly Change[]
  readonly events: readonly EventInput[]
  readonly chars: number
  readonly done: PromiseWithResolvers<void>
}

/**
 * Writes down what happens in one turn, in order, one write at a time; what comes meanwhile goes into the next one, so a
 * slow disk makes bigger writes, not more. A write that the disk refuses is tried again. Text deltas are gathered per item.
 */
export class TurnRecorder {
  readonly #deps: RecorderDeps
  readonly #place: () => Place
  readonly #texts = new Map<string, string>()
  #queue: Entry[] = []
  #isWriting = false
  #textTimer: Disposable | null = null

  constructor(deps: RecorderDeps, place: () => Place) {
    this.#deps = deps
    this.#place = place
  }

  /** Records what came from Codex, if it leaves a record. */
  codexEvent(event: CodexEvent): void {
    if (event.kind === 'text-delta') return this.#gather(event.itemId, event.delta)
    const note = noteOf(event)
    if (note !== null) this.note(note)
  }

  /** Records something whose loss would be reported, not waited for. */
  note(...notes: readonly NewEvent[]): void {
    this.commit([], notes).catch((error: unknown) => {
      this.#deps.log.error(
        { error: messageOf(error), turnId: this.#place().turnId },
        'events of a turn were not stored',
      )
    })
  }

  /** Changes and events in one write, after everything that came before. Durable when it resolves. */
  commit(changes: readonly Change[], notes: readonly NewEvent[]): Promise<void> {
    const events = [...this.#takeTexts(), ...notes].map(note => ({ ...note, ...this.#place() }))
    const done = Promise.withResolvers<void>()
    // Counted here, where what cannot be written at all fails for whoever brought it, and not while others are written.
    this.#queue.push({ changes, events, chars: JSON.stringify(events).length, done })
    void this.#write()
    return done.promise
  }

  /** Everything so far is durable, or has failed for good. */
  async settled(): Promise<void> {
    await this.commit([], []).catch(() => undefined)
  }

  async #write(): Promise<void> {
    if (this.#isWriting) return
    this.#isWriting = true
    while (this.#queue.length > 0) {
      const batch = this.#nextBatch()
      const work = { changes: batch.flatMap(entry => entry.changes), events: batch.flatMap(entry => entry.events) }
      try {
        if (work.changes.length > 0 || work.events.length > 0) await this.#tryToCommit(work)
        for (const entry of batch) entry.done.resolve()
      } catch (error) {
        for (const entry of batch) entry.done.reject(error)
      }
    }
    this.#isWriting = false
  }

  /** Changes may be refused by a condition of theirs; they go alone, so that only they are. */
  #nextBatch(): readonly Entry[] {
    let events = 0
    let chars = 0
    const next = this.#queue.findIndex(entry => {
      events += entry.events.length
      chars += entry.chars
      return entry.changes.length > 0 || events > maxBatchEvents || chars > maxBatchChars
    })
    const count = next === -1 ? this.#queue.length : Math.max(1, next)
    const batch = this.#queue.slice(0, count)
    this.#queue = this.#queue.slice(count)
    return batch
  }

  async #tryToCommit(work: {
    readonly changes: readonly Change[]
    readonly events: readonly EventInput[]
  }): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        await this.#deps.store.commit(work)
        return
      } catch (error) {
        // A write whose fate was not known (STORE_FAILED) and that is there now when it is tried again.
        if (tries > 0 && isThereAlready(error)) return
        if (!isPassing(error) || tries >= maxTries) throw error
        this.#deps.log.warn(
          { error: messageOf(error), tries, turnId: this.#place().turnId },
          'a write will be tried again',
        )
        await sleep(backoffMs(tries, { firstMs: 100, maxMs: 5000 }))
      }
    }
  }

  #gather(itemId: string, delta: string): void {
    this.#texts.set(itemId, (this.#texts.get(itemId) ?? '') + delta)
    this.#textTimer ??= this.#deps.clock.after(textIntervalMs, () => {
      this.#textTimer = null
      // Texts ride along with whatever is written next.
      if (this.#texts.size > 0) this.note()
    })
  }

  #takeTexts(): readonly NewEvent[] {
    const texts = [...this.#texts].map(([itemId, text]): NewEvent => ({
      kind: 'text',
      data: { item_id: itemId, text },
    }))
    this.#texts.clear()
    this.#textTimer?.[Symbol.dispose]()
    this.#textTimer = null
    return texts
  }
}
