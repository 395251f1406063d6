import type { AgentId, NodeId, TurnId } from '#kernel'
import type { Kysely } from 'kysely'
import { objectColumn } from './json-columns.ts'
import type { StoredEvent } from './rows.ts'
import type { EventColumns, Tables } from './tables.ts'

/** Reads the events of this node. */
export interface EventQueries {
  /** Those with a seq above the cursor, in order. */
  after(where: {
    readonly cursor: number
    readonly turnId?: TurnId
    readonly agentId?: AgentId
    readonly kinds?: readonly string[]
    readonly limit: number
  }): Promise<readonly StoredEvent[]>
  /** The latest event of a turn. */
  last(where: { readonly turnId: TurnId }): Promise<StoredEvent | undefined>
  /** The highest seq there is; 0 when there is none. */
  lastSeq(): Promise<number>
}

export function createEventQueries(db: Kysely<Tables>, nodeId: NodeId): EventQueries {
  const events = db.selectFrom('events').selectAll().where('nodeId', '=', nodeId)
  return {
    async after({ cursor, turnId, agentId, kinds, limit }) {
      let query = events.where('seq', '>', cursor).orderBy('seq').limit(limit)
      if (turnId !== undefined) query = query.where('turnId', '=', turnId)
      if (agentId !== undefined) query = query.where('agentId', '=', agentId)
      if (kinds !== undefined) query = query.where('kind', 'in', kinds)
      return (await query.execute()).map(eventOf)
    },
    async last({ turnId }) {
      const row = await events.where('turnId', '=', turnId).orderBy('seq', 'desc').limit(1).executeTakeFirst()
      return row === undefined ? undefined : eventOf(row)
    },
    lastSeq: () => lastSeqOf(db, nodeId),
  }
}

export async function lastSeqOf(db: Kysely<Tables>, nodeId: NodeId): Promise<number> {
  const row = await db
    .selectFrom('events')
    .select(eb => eb.fn.max('seq').as('seq'))
    .where('nodeId', '=', nodeId)
    .executeTakeFirst()
  return row?.seq ?? 0
}

function eventOf(columns: EventColumns): StoredEvent {
  return { ...columns, data: objectColumn(columns.data) }
}
