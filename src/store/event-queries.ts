import type { AgentId, NodeId, TurnId } from '#kernel'
import type { Kysely } from 'kysely'
import { objectColumn } from './json-columns.ts'
import type { StoredEvent } from './rows.ts'
import type { EventColumns, Tables } from './tables.ts'

/** Reads the events of this node, or of the one that is named: each numbers its own. */
export interface EventQueries {
  /** Those with a seq above the cursor, in order. */
  after(where: {
    readonly cursor: number
    readonly turnId?: TurnId
    readonly agentId?: AgentId
    readonly kinds?: readonly string[]
    readonly nodeId?: NodeId
    readonly limit: number
  }): Promise<readonly StoredEvent[]>
  /** The latest event of a turn. */
  last(where: { readonly turnId: TurnId; readonly nodeId?: NodeId }): Promise<StoredEvent | undefined>
  /** The highest seq there is; 0 when there is none. */
  lastSeq(): Promise<number>
}

export function createEventQueries(db: Kysely<Tables>, nodeId: NodeId): EventQueries {
  const all = db.selectFrom('events').selectAll()
  return {
    async after({ cursor, turnId, agentId, kinds, limit, nodeId: owner = nodeId }) {
      // Postgres has no empty list.
      if (kinds?.length === 0) return []
      let query = all.where('nodeId', '=', owner).where('seq', '>', cursor).orderBy('seq').limit(limit)
      if (turnId !== undefined) query = query.where('turnId', '=', turnId)
      if (agentId !== undefined) query = query.where('agentId', '=', agentId)
      if (kinds !== undefined) query = query.where('kind', 'in', kinds)
      return (await query.execute()).map(eventOf)
    },
    async last({ turnId, nodeId: owner = nodeId }) {
      const events = all.where('nodeId', '=', owner).where('turnId', '=', turnId)
      const row = await events.orderBy('seq', 'desc').limit(1).executeTakeFirst()
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
