import { backoffMs, sleep } from '#kernel'
import type { AppError } from '#kernel'
import type { Client } from 'pg'
import { databaseFailed, databaseOutcomeUnknown } from './errors.ts'
import type { Migration } from './migrations.ts'
import { isDeadlock, isLost, isUnanswerable, postgresErrorOf, serverErrorOf } from './postgres-errors.ts'
import { fateOf } from './postgres-fate.ts'
import type { Fate, Transaction } from './postgres-fate.ts'
import { openGroup } from './postgres-group.ts'
import type { OpenGroup } from './postgres-group.ts'
import { PostgresLine } from './postgres-line.ts'
import type { PostgresPlace } from './postgres-place.ts'
import { createPostgresStatements } from './postgres-statements.ts'
import { WriteQueue } from './write-queue.ts'
import type { GroupOutcome, PendingWrite, WriteQueueOptions } from './write-queue.ts'
import type { Batch } from './writer-messages.ts'

export interface PostgresWriterOptions extends Omit<WriteQueueOptions, 'write'> {
  readonly place: PostgresPlace
  readonly nodeId: string
  readonly steps: readonly Migration[]
  /** How often a connection is tried; default: about ten seconds long. */
  readonly connectTries?: number
  /** Tests: called when all but the COMMIT has been sent. */
  readonly beforeCommit?: (client: Client) => Promise<void>
}

/** How often a connection is tried, about ten seconds in all, and a transaction that was lost or got in another one's way. */
const triesOf = { connection: 8, transaction: 5 }
const pause = { firstMs: 100, maxMs: 2000 }

/** A connection that only writes: one transaction for a group, a savepoint for each batch of it. */
export class PostgresWriter implements AsyncDisposable {
  readonly #options: PostgresWriterOptions
  readonly #queue: WriteQueue
  readonly #line: PostgresLine
  readonly #closing = new AbortController()
  readonly #statementOf = createPostgresStatements()
  readonly #tries: number
  /** Set while a group is undecided and the server does not come back: nothing can be written before it is decided. */
  #away: AppError | undefined

  constructor(options: PostgresWriterOptions) {
    this.#options = options
    this.#tries = options.connectTries ?? triesOf.connection
    this.#line = new PostgresLine({ ...options, tries: this.#tries })
    this.#queue = new WriteQueue({ ...options, write: (...group) => this.#write(...group) })
  }

  /** Connects, and takes the node's lock. */
  async open(): Promise<void> {
    await this.#line.connected()
  }

  submit(write: PendingWrite): void {
    if (this.#away !== undefined) throw this.#away
    this.#queue.submit(write)
  }

  drain(): Promise<void> {
    return this.#queue.drain()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
    this.#closing.abort()
    await this.#line[Symbol.asyncDispose]()
  }

  async #write(group: readonly Batch[], lastSeq = 0): Promise<GroupOutcome> {
    try {
      const { failures } = await this.#untilWritten(group, lastSeq)
      return index => failures.get(index)
    } catch (thrown) {
      const error = postgresErrorOf(this.#options.place.label, thrown)
      return () => ({ kind: 'error', error })
    }
  }

  /** Again, as long as it is known that nothing of it is written. */
  async #untilWritten(group: readonly Batch[], lastSeq: number): Promise<OpenGroup> {
    for (let tries = 1; ; tries += 1) {
      const client = await this.#line.connected()
      try {
        return await this.#writeOnce(client, group, lastSeq)
      } catch (error) {
        await this.#abandon(client, error)
        const isWorthAnother = isLost(error) || isDeadlock(error)
        if (tries >= triesOf.transaction || this.#closing.signal.aborted || !isWorthAnother) throw error
      }
    }
  }

  async #writeOnce(client: Client, group: readonly Batch[], lastSeq: number): Promise<OpenGroup> {
    const { beforeCommit, place } = this.#options
    const open = await openGroup({ client, label: place.label, statementOf: this.#statementOf }, group)
    // Before it is known: a connection that is made meanwhile may find them.
    this.#line.wrote(lastSeq)
    await beforeCommit?.(client)
    try {
      const { command } = await client.query('commit')
      // A transaction that cannot be committed is rolled back, and that is no error to Postgres.
      if (command !== 'COMMIT') throw databaseFailed(place.label, 'it did not commit; nothing was written')
    } catch (error) {
      if (!isLost(error)) throw error
      await this.#line.forget(client)
      const fate = await this.#fateOf(open.transaction)
      if (fate === 'aborted') throw error
      if (fate !== 'committed')
        throw databaseOutcomeUnknown(place.label, serverErrorOf(error) === undefined ? undefined : error)
    }
    return open
  }

  /**
   * The connection went while the COMMIT was under way, and nobody is told anything before the server says what became of
   * it: whoever would try again would write twice. It is asked until it answers or the store is closed.
   */
  async #fateOf(transaction: Transaction): Promise<Fate> {
    const { signal } = this.#closing
    for (let tries = 1; !signal.aborted; tries += 1) {
      const fate = await this.#ask(transaction, tries)
      if (fate !== 'in progress') {
        this.#away = undefined
        return fate
      }
      await sleep(backoffMs(tries - 1, pause), signal).catch(() => undefined)
    }
    return 'unknown'
  }

  async #ask(transaction: Transaction, tries: number): Promise<Fate> {
    const { place } = this.#options
    try {
      return await fateOf(place, transaction)
    } catch (error) {
      if (isUnanswerable(error)) return 'unknown'
      if (tries >= this.#tries) this.#refuse(postgresErrorOf(place.label, error))
      return 'in progress'
    }
  }

  /** Whatever else is to be written: it is known that nothing of it is. */
  #refuse(error: AppError): void {
    this.#away = error
    this.#queue.refuseWaiting(error)
  }

  async #abandon(client: Client, error: unknown): Promise<void> {
    if (isLost(error)) return this.#line.forget(client)
    try {
      await client.query('rollback')
    } catch {
      await this.#line.forget(client)
    }
  }
}
