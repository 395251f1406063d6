import { AppError, backoffMs, messageOf, sleep } from '#kernel'
import type { Clock, Log } from '#kernel'
import type { CodexEvent } from '#codex'
import type { NewEvent } from '#contracts'
import type { Change, EventInput, Store } from '#store'
import { recordTooLong } from './errors.ts'
import { noteOf } from './event-notes.ts'
import { createSaidSoFar } from './turn-said.ts'
import type { Said } from './turn-said.ts'
import { failureOf } from './turn-store.ts'

/** Text that has come, and what else Codex says, is on its way to the store at most this much later. */
const textIntervalMs = 30
/** Pauses between the tries of a write that fails for a passing reason (a full disk, a database that is away). */
const pause = { firstMs: 100, maxMs: 5000 }
/** Characters that wait for the store in one turn. Beyond it first what a message says by and by goes, then whatever comes. */
const maxWaitingChars = 32 * 1024 * 1024
/** Events in one write, and characters of their data: far below what the store refuses as too large. */
const maxBatchEvents = 1000
const maxBatchChars = 4 * 1024 * 1024

/** What Codex says; what it does is written at once. */
const talk: ReadonlySet<string> = new Set(['message', 'reasoning', 'plan', 'usage', 'rate.limits'])

function isThereAlready(error: unknown): boolean {
  return error instanceof AppError && error.code === 'STORE_DUPLICATE_KEY'
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
  readonly #said = createSaidSoFar()
  /** Everything that the turn ever came to went through here: no earlier run of it had begun. */
  hasWhole = false
  #queue: Entry[] = []
  /** Of everything in the queue. */
  #chars = 0
  #hasTexts = false
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
    if (note === null) return
    if (talk.has(note.kind)) this.#report(this.hold([], [note]))
    else this.note(note)
  }

  /** Records something whose loss would be reported, not waited for. */
  note(...notes: readonly NewEvent[]): void {
    this.#report(this.commit([], notes))
  }

  /** What the answer is made of; right only when it has the whole turn. */
  said(options: { readonly isCompleted: boolean }): Said {
    if (this.#texts.size > 0) this.#report(this.hold([], []))
    return this.#said.say(options)
  }

  /** Changes and events in one write, after everything that came before. Durable when it resolves. */
  commit(changes: readonly Change[], notes: readonly NewEvent[]): Promise<void> {
    const stored = this.hold(changes, notes)
    this.#disarm()
    void this.#write()
    return stored
  }

  /** The same, but it may wait a moment for what is written next, and goes with it. */
  hold(changes: readonly Change[], notes: readonly NewEvent[]): Promise<void> {
    const all = [...this.#takeTexts(), ...notes]
    const events = all.map(note => ({ ...note, ...this.#place() }))
    const done = Promise.withResolvers<void>()
    // Counted here, where what cannot be written at all fails for whoever brought it, and not while others are written.
    const entry = { changes, events, chars: JSON.stringify(events).length, done }
    for (const note of all) this.#said.hear(note)
    if (this.#chars + entry.chars > maxWaitingChars) this.#shedTexts()
    // What changes the turn itself is small, and never left out.
    const isTooMuch = this.#chars + entry.chars > maxWaitingChars && changes.length === 0
    if (isTooMuch) return Promise.reject(recordTooLong(maxWaitingChars))
    this.#queue.push(entry)
    this.#chars += entry.chars
    this.#hasTexts ||= events.some(isText)
    this.#arm()
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
      await this.#writeBatch(this.#nextBatch())
    }
    this.#isWriting = false
  }

  async #writeBatch(batch: readonly Entry[]): Promise<void> {
    const work = { changes: batch.flatMap(entry => entry.changes), events: batch.flatMap(entry => entry.events) }
    try {
      if (work.changes.length > 0 || work.events.length > 0) await this.#tryToCommit(work)
      for (const entry of batch) entry.done.resolve()
    } catch (error) {
      // A store that does not work would refuse each part of it, too.
      const parts = failureOf(error) === 'asked' ? partsOf(batch) : [batch]
      // One of them was refused for what it is: the others are not to share its fate.
      if (parts.length > 1) for (const part of parts) await this.#writeBatch(part)
      else for (const entry of batch) entry.done.reject(error)
    }
  }

  #nextBatch(): readonly Entry[] {
    let events = 0
    let chars = 0
    const next = this.#queue.findIndex(entry => {
      events += entry.events.length
      chars += entry.chars
      return events > maxBatchEvents || chars > maxBatchChars
    })
    const count = next === -1 ? this.#queue.length : Math.max(1, next)
    const batch = this.#queue.slice(0, count)
    this.#queue = this.#queue.slice(count)
    this.#chars -= charsOf(batch)
    return batch
  }

  /** The event of the whole message has them again. */
  #shedTexts(): void {
    if (!this.#hasTexts) return
    this.#hasTexts = false
    this.#queue = this.#queue.map(withoutTexts)
    this.#chars = charsOf(this.#queue)
    this.#deps.log.warn({ turnId: this.#place().turnId }, 'texts of messages that are not over were dropped')
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
        // As long as the store is open: what waits meanwhile is bounded.
        if (failureOf(error) !== 'away') throw error
        this.#deps.log.warn(
          { error: messageOf(error), tries, turnId: this.#place().turnId },
          'a write will be tried again',
        )
        await sleep(backoffMs(tries, pause))
      }
    }
  }

  #gather(itemId: string, delta: string): void {
    this.#texts.set(itemId, (this.#texts.get(itemId) ?? '') + delta)
    this.#arm()
  }

  #arm(): void {
    this.#textTimer ??= this.#deps.clock.after(textIntervalMs, () => {
      this.#textTimer = null
      // Texts ride along with whatever is written next.
      if (this.#texts.size > 0) this.note()
      else void this.#write()
    })
  }

  #disarm(): void {
    this.#textTimer?.[Symbol.dispose]()
    this.#textTimer = null
  }

  #report(stored: Promise<void>): void {
    stored.catch((error: unknown) => {
      this.#deps.log.error(
        { error: messageOf(error), turnId: this.#place().turnId },
        'events of a turn were not stored',
      )
    })
  }

  #takeTexts(): readonly NewEvent[] {
    const texts = [...this.#texts].map(([itemId, text]): NewEvent => ({
      kind: 'text',
      data: { item_id: itemId, text },
    }))
    this.#texts.clear()
    return texts
  }
}

const charsOf = (queue: readonly Entry[]): number => queue.reduce((sum, entry) => sum + entry.chars, 0)

const isText = (event: EventInput): boolean => event.kind === 'text'

function withoutTexts(entry: Entry): Entry {
  if (!entry.events.some(isText)) return entry
  const events = entry.events.filter(event => !isText(event))
  return { ...entry, events, chars: JSON.stringify(events).length }
}

/** A write that was refused, in parts: changes may have a condition, so each goes alone; events have none. */
function partsOf(batch: readonly Entry[]): readonly (readonly Entry[])[] {
  const parts: Entry[][] = []
  for (const entry of batch) {
    const last = parts.at(-1)
    const isAlone = entry.changes.length > 0 || last === undefined || last.some(other => other.changes.length > 0)
    if (isAlone) parts.push([entry])
    else last.push(entry)
  }
  return parts
}
