import type { Clock, Log, NodeId } from '#kernel'
import type { Kysely } from 'kysely'
import { createAgentQueries } from './agent-queries.ts'
import { createCommits } from './commits.ts'
import type { CommitDeps } from './commits.ts'
import { createEventQueries, lastSeqOf } from './event-queries.ts'
import { createSettingsQueries } from './settings-queries.ts'
import type { DamageNote } from './damage-note.ts'
import type { Store } from './store.ts'
import type { Tables } from './tables.ts'
import { createTurnQueries } from './turn-queries.ts'

export const defaultLimits = { maxPendingWrites: 10_000, maxPendingBytes: 64 * 1024 * 1024, lockWaitMs: 2000 }

export interface StoreParts {
  readonly clock: Clock
  readonly log: Log
  readonly nodeId: NodeId
  /** For reading. */
  readonly db: Kysely<Tables>
  readonly writer: CommitDeps['writer']
  /** What was noted of reads; of commits it is noted here. */
  readonly damage: DamageNote
}

/** The store over whatever database its parts are connected to; they are their owner's to close. */
export async function assembleStore(parts: StoreParts): Promise<Omit<Store, keyof AsyncDisposable>> {
  const { clock, log, nodeId, db, writer, damage } = parts
  const commits = createCommits({ clock, log, nodeId, writer, lastSeq: await lastSeqOf(db, nodeId) })
  return {
    nodeId,
    agents: createAgentQueries(db, nodeId),
    turns: createTurnQueries(db, nodeId),
    events: createEventQueries(db, nodeId),
    settings: createSettingsQueries(db),
    ...commits,
    commit(work) {
      const done = commits.commit(work)
      done.catch(damage.note)
      return done
    },
    damage: damage.found,
  }
}
