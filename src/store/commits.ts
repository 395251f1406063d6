import { createEmitter, messageOf } from '#kernel'
import type { AppError, Clock, Log, NodeId } from '#kernel'
import type { Change } from './change.ts'
import { insertEvent } from './changes.ts'
import { storeRejected } from './errors.ts'
import type { StoredEvent } from './rows.ts'
import type { Store, Work } from './store.ts'
import type { Statement } from './writer-messages.ts'
import type { PendingWrite, WriteFailure } from './write-queue.ts'

export interface CommitDeps {
  readonly clock: Clock
  readonly log: Log
  readonly nodeId: NodeId
  /** The highest seq in the store. */
  readonly lastSeq: number
  readonly writer: { submit(write: PendingWrite): void }
}

/** The writing half of the store: numbers events in the order of the calls and tells listeners in that order. */
export function createCommits(deps: CommitDeps): Pick<Store, 'commit' | 'onEvents'> {
  const listeners = createEmitter<readonly StoredEvent[]>(error =>
    deps.log.error({ error: messageOf(error) }, 'a listener to events failed'),
  )
  let lastSeq = deps.lastSeq

  function numbered(events: NonNullable<Work['events']>): readonly StoredEvent[] {
    const at = deps.clock.now()
    return events.map(({ kind, data, agentId, turnId, threadId }) => {
      lastSeq += 1
      return { seq: lastSeq, at, nodeId: deps.nodeId, kind, agentId, turnId, threadId, data }
    })
  }

  return {
    onEvents: listener => listeners.listen(listener),
    // Everything up to `submit` happens in the call itself: the order of calls is the order of seq and of the disk.
    commit: (work: Work) =>
      new Promise((resolve, reject) => {
        const events = numbered(work.events ?? [])
        const changes = [...(work.changes ?? []), ...events.map(insertEvent)]
        if (changes.length === 0) return resolve(events)
        const batch = changes.map(statementOf)
        deps.writer.submit({
          batch,
          lastSeq: events.at(-1)?.seq,
          bytes: batch.reduce((sum, statement) => sum + bytesOf(statement), 0),
          written() {
            if (events.length > 0) listeners.emit(events)
            resolve(events)
          },
          failed: failure => reject(errorOf(failure, changes)),
        })
      }),
  }
}

function statementOf({ sql, parameters, expect }: Change): Statement {
  return { sql, parameters, expectedRows: expect?.rows ?? null }
}

/** About what it takes in memory; refuses what cannot be sent, so that it does not spoil the group it would travel in. */
function bytesOf({ sql, parameters }: Statement): number {
  return parameters.reduce<number>((sum, value) => {
    if (typeof value === 'string') return sum + Buffer.byteLength(value)
    if (value === null || typeof value === 'number') return sum + 8
    throw storeRejected(`a parameter is ${typeof value}; the store takes text, numbers and null`, { sql })
  }, sql.length)
}

function errorOf(failure: WriteFailure, changes: readonly Change[]): AppError {
  if (failure.kind === 'error') return failure.error
  return changes[failure.statement]?.expect?.otherwise() ?? storeRejected('an expectation that nobody had failed')
}
