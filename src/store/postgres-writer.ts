import type { Client } from 'pg'
import { databaseFailed, databaseOutcomeUnknown, storeNodeTaken } from './errors.ts'
import { patiently } from './patience.ts'
import { connectPostgres, endPostgres } from './postgres-connect.ts'
import { isDeadlock, isLost, maySoonBeBack, postgresErrorOf, serverErrorOf } from './postgres-errors.ts'
import { openGroup } from './postgres-group.ts'
import type { OpenGroup } from './postgres-group.ts'
import type { PostgresPlace } from './postgres-place.ts'
import { createPostgresStatements } from './postgres-statements.ts'
import { WriteQueue } from './write-queue.ts'
import type { GroupOutcome, PendingWrite, WriteQueueOptions } from './write-queue.ts'
import type { Batch } from './writer-messages.ts'

export interface PostgresWriterOptions extends Omit<WriteQueueOptions, 'write'> {
  readonly place: PostgresPlace
  /** Only one daemon at a time writes as this node. */
  readonly nodeId: string
  /** How often a connection is tried; default: about ten seconds long. */
  readonly connectTries?: number
  /** Tests: called when all but the COMMIT has been sent. */
  readonly beforeCommit?: (client: Client) => Promise<void>
}

/** How often a connection is tried, about ten seconds in all, and a transaction that was lost or got in another one's way. */
const triesOf = { connection: 8, transaction: 5 }

/** A connection that only writes: one transaction for a group, a savepoint for each batch of it. */
export class PostgresWriter implements AsyncDisposable {
  readonly #options: PostgresWriterOptions
  readonly #queue: WriteQueue
  readonly #closing = new AbortController()
  readonly #statementOf = createPostgresStatements()
  #client: Client | undefined
  /** After tries in vain the next group gets one only: callers learn at once that the server is away. */
  #isAway = false

  constructor(options: PostgresWriterOptions) {
    this.#options = options
    this.#queue = new WriteQueue({ ...options, write: group => this.#write(group) })
  }

  /** Connects, and takes the node's lock. */
  async open(): Promise<void> {
    this.#client = await this.#connect()
  }

  submit(write: PendingWrite): void {
    this.#queue.submit(write)
  }

  drain(): Promise<void> {
    return this.#queue.drain()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
    this.#closing.abort()
    await this.#forget()
  }

  async #write(group: readonly Batch[]): Promise<GroupOutcome> {
    try {
      const { failures } = await this.#untilWritten(group)
      return index => failures.get(index)
    } catch (thrown) {
      const error = postgresErrorOf(this.#options.place.label, thrown)
      return () => ({ kind: 'error', error })
    }
  }

  /** Again, as long as it is known that nothing of it is written. */
  async #untilWritten(group: readonly Batch[]): Promise<OpenGroup> {
    for (let tries = 1; ; tries += 1) {
      const client = await this.#connected()
      try {
        return await this.#writeOnce(client, group)
      } catch (error) {
        await this.#abandon(client, error)
        const isWorthAnother = isLost(error) || isDeadlock(error)
        if (tries >= triesOf.transaction || this.#closing.signal.aborted || !isWorthAnother) throw error
      }
    }
  }

  async #writeOnce(client: Client, group: readonly Batch[]): Promise<OpenGroup> {
    const { beforeCommit, place } = this.#options
    const open = await openGroup({ client, label: place.label, statementOf: this.#statementOf }, group)
    await beforeCommit?.(client)
    try {
      const { command } = await client.query('commit')
      // A transaction that cannot be committed is rolled back, and that is no error to Postgres.
      if (command !== 'COMMIT') throw databaseFailed(place.label, 'it did not commit; nothing was written')
    } catch (error) {
      if (!isLost(error)) throw error
      if (!(await this.#wasCommitted(open.transactionId, error))) throw error
    }
    return open
  }

  /** The connection went while the COMMIT was under way: the server knows what became of it. */
  async #wasCommitted(transactionId: string, lost: unknown): Promise<boolean> {
    const { label } = this.#options.place
    await this.#forget()
    try {
      const client = await this.#connected()
      // The node's lock is ours again, so the old session is over, and its transaction with it.
      const found = await client.query<{ status: string | null }>('select txid_status($1) as status', [transactionId])
      const status = found.rows[0]?.status
      if (status === 'committed') return true
      if (status === 'aborted') return false
    } catch {
      // Still away: what is known then is nothing.
    }
    throw databaseOutcomeUnknown(label, serverErrorOf(lost) === undefined ? undefined : lost)
  }

  async #connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client
    const tries = this.#isAway ? 1 : this.#tries
    const patience = { tries, isWorthAnother: maySoonBeBack, signal: this.#closing.signal }
    try {
      this.#client = await patiently(patience, () => this.#connect())
      this.#isAway = false
      return this.#client
    } catch (error) {
      this.#isAway = true
      throw error
    }
  }

  get #tries(): number {
    return this.#options.connectTries ?? triesOf.connection
  }

  async #connect(): Promise<Client> {
    const { place, nodeId } = this.#options
    const client = await connectPostgres(place)
    try {
      // What a daemon that was killed held is free as soon as the server has seen it go.
      const patience = { tries: this.#tries, isWorthAnother: () => true, signal: this.#closing.signal }
      await patiently(patience, () => takeNode(client, { label: place.label, nodeId }))
      return client
    } catch (error) {
      await endPostgres(client)
      throw error
    }
  }

  async #abandon(client: Client, error: unknown): Promise<void> {
    if (isLost(error)) return this.#forget()
    try {
      await client.query('rollback')
    } catch {
      await this.#forget()
    }
  }

  async #forget(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) await endPostgres(client)
  }
}

async function takeNode(
  client: Client,
  { label, nodeId }: { readonly label: string; readonly nodeId: string },
): Promise<void> {
  const found = await client.query<{ taken: string }>(
    "select pg_try_advisory_lock(hashtextextended('tandem node ' || current_schema() || ' ' || $1, 0))::int as taken",
    [nodeId],
  )
  if (Number(found.rows[0]?.taken) !== 1) throw storeNodeTaken(label, nodeId)
}
