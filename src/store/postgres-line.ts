import type { Client } from 'pg'
import { storeClosed, storeNodeLost, storeNodeTaken } from './errors.ts'
import type { Migration } from './migrations.ts'
import { patiently } from './patience.ts'
import { connectPostgres, endPostgres } from './postgres-connect.ts'
import { maySoonBeBack } from './postgres-errors.ts'
import type { PostgresPlace } from './postgres-place.ts'
import { refuseNewerSchema, versionOfPostgres } from './postgres-version.ts'

export interface PostgresLineOptions {
  readonly place: PostgresPlace
  /** Only one daemon at a time writes as this node. */
  readonly nodeId: string
  /** A schema that is newer than these is not written to. */
  readonly steps: readonly Migration[]
  /** Tries of a connection, and of the node's lock on it. */
  readonly tries: number
}

/** After tries in vain one more is made this often, whether somebody writes or not: the node's lock is to be held again. */
const againMs = 2000

/** The one connection that holds the node's lock, made again whenever it is lost. */
export class PostgresLine implements AsyncDisposable {
  readonly #options: PostgresLineOptions
  readonly #closing = new AbortController()
  #client: Client | undefined
  #connecting: Promise<Client> | undefined
  /** After tries in vain callers get one only: they learn at once that the server is away. */
  #isAway = false
  #again: NodeJS.Timeout | undefined
  /** The highest number of an event that this process wrote or found; a higher one is another daemon's. */
  #lastSeq: number | undefined

  constructor(options: PostgresLineOptions) {
    this.#options = options
  }

  /** All who ask share the tries. Rejects after about ten seconds of them, or after one as long as the server is away. */
  async connected(): Promise<Client> {
    if (this.#client !== undefined) return this.#client
    this.#connecting ??= this.#connectPatiently().finally(() => (this.#connecting = undefined))
    return this.#connecting
  }

  /** Numbers up to this one are this process's own; those of what is refused were never there. */
  wrote(seq: number): void {
    this.#lastSeq = Math.max(this.#lastSeq ?? 0, seq)
  }

  /** Of no use any more. */
  async forget(client: Client): Promise<void> {
    if (this.#client === client) this.#client = undefined
    await endPostgres(client)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#again)
    const client = this.#client
    if (client !== undefined) await this.forget(client)
  }

  async #connectPatiently(): Promise<Client> {
    clearTimeout(this.#again)
    const tries = this.#isAway ? 1 : this.#options.tries
    const signal = this.#closing.signal
    try {
      const client = await patiently({ tries, isWorthAnother: maySoonBeBack, signal }, () => this.#connect(tries))
      this.#isAway = false
      this.#client = client
      client.once('end', () => this.#ended(client))
      return client
    } catch (error) {
      this.#isAway = true
      this.#tryAgainLater()
      throw error
    }
  }

  /** Also an idle connection that was cut: without the lock another daemon could begin to work as this node. */
  #ended(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    this.#tryInBackground()
  }

  #tryAgainLater(): void {
    if (!this.#closing.signal.aborted) this.#again = setTimeout(() => this.#tryInBackground(), againMs).unref()
  }

  #tryInBackground(): void {
    // Whoever writes gets the reason.
    if (!this.#closing.signal.aborted) this.connected().catch(() => undefined)
  }

  async #connect(tries: number): Promise<Client> {
    const { place, nodeId, steps } = this.#options
    const { signal } = this.#closing
    if (signal.aborted) throw storeClosed()
    const client = await connectPostgres(place)
    try {
      // What a daemon that was killed held is free as soon as the server has seen it go.
      await patiently({ tries, isWorthAnother: () => true, signal }, () => takeNode(client, place, nodeId))
      refuseNewerSchema(place, await versionOfPostgres(client, place), steps)
      const seq = await lastSeqOfNode(client, nodeId)
      if (this.#lastSeq !== undefined && seq > this.#lastSeq) throw storeNodeLost(place.label, nodeId)
      this.#lastSeq ??= seq
      if (signal.aborted) throw storeClosed()
      return client
    } catch (error) {
      await endPostgres(client)
      throw error
    }
  }
}

async function takeNode(client: Client, place: PostgresPlace, nodeId: string): Promise<void> {
  const found = await client.query<{ taken: number }>(
    "select pg_try_advisory_lock(hashtextextended('tandem node ' || current_schema() || ' ' || $1, 0))::int as taken",
    [nodeId],
  )
  if (found.rows[0]?.taken !== 1) throw storeNodeTaken(place.label, nodeId)
}

async function lastSeqOfNode(client: Client, nodeId: string): Promise<number> {
  const found = await client.query<{ seq: number | null }>('select max(seq) as seq from events where node_id = $1', [
    nodeId,
  ])
  return found.rows[0]?.seq ?? 0
}
