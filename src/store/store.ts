import type { AppError, Clock, Log, NodeId, Secret } from '#kernel'
import type { AgentQueries } from './agent-queries.ts'
import type { Change } from './change.ts'
import type { EventQueries } from './event-queries.ts'
import type { EventInput, StoredEvent } from './rows.ts'
import type { SettingsQueries } from './settings-queries.ts'
import type { TurnQueries } from './turn-queries.ts'

export interface StoreOptions {
  /** The database; its directory exists. Made with mode 0600 when it is missing. */
  readonly file: string
  /** A Postgres database in place of the file; then the node's id is kept beside where the file would be. */
  readonly url?: Secret
  readonly clock: Clock
  readonly log: Log
  readonly limits?: StoreLimits
}

export interface StoreLimits {
  /** Commits that may wait or be written at once; a further one is refused as STORE_BUSY. Default 10,000. */
  readonly maxPendingWrites?: number
  /** Bytes of those commits together. Default 64 MiB. */
  readonly maxPendingBytes?: number
  /** How long to wait for another process that holds the database. Default 2,000 ms. */
  readonly lockWaitMs?: number
}

/** What a `commit` writes: first the changes in order, then the events. */
export interface Work {
  readonly changes?: readonly Change[]
  readonly events?: readonly EventInput[]
}

/** The one place of everything durable. Disposing writes what was accepted (bounded), then closes the files. */
export interface Store extends AsyncDisposable {
  /** Made at the first open and kept in the store; every row of work carries it. */
  readonly nodeId: NodeId
  readonly agents: AgentQueries
  readonly turns: TurnQueries
  readonly events: EventQueries
  readonly settings: SettingsQueries
  /**
   * Atomic, and durable when it resolves; a read begun afterwards sees it. Answers the events with the seq they got.
   * Rejects as a whole, with nothing written, when a change fails or its expectation does.
   */
  commit(work: Work): Promise<readonly StoredEvent[]>
  /** The last STORE_CORRUPT of this life: other reads and writes may well succeed, as they meet other pages. */
  damage(): AppError | undefined
  /** Called after each commit that has events, in the order of seq, just before the commit resolves. */
  onEvents(listener: (events: readonly StoredEvent[]) => void): Disposable
}
