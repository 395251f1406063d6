import type { AgentId, NodeId, TurnId } from '#kernel'
import type { Kysely } from 'kysely'
import { objectColumn } from './json-columns.ts'
import type { StoredEvent } from './rows.ts'
import type { EventColumns, Tables } from './tables.ts'

/** Reads the events of this node, or of the one that is named: each numbers its own. */
export interface EventQueries {
  /** Those with a seq above the cursor, in order. */
  after(where: EventFilter & { readonly cursor: number; readonly limit: number }): Promise<readonly StoredEvent[]>
  /** The cursor after which only the latest so many of them come; 0 when there are no more than these. */
  cursorBefore(where: EventFilter & { readonly count: number }): Promise<number>
  /** The latest event of a turn. */
  last(where: { readonly turnId: TurnId; readonly nodeId?: NodeId }): Promise<StoredEvent | undefined>
  /** The highest seq there is; 0 when there is none. */
  lastSeq(nodeId?: NodeId): Promise<number>
}

export interface EventFilter {
  readonly turnId?: TurnId
  readonly agentId?: AgentId
  readonly kinds?: readonly string[]
  readonly nodeId?: NodeId
}

export function createEventQueries(db: Kysely<Tables>, nodeId: NodeId): EventQueries {
  const all = db.selectFrom('events').selectAll()
  const those = ({ turnId, agentId, kinds, nodeId: owner = nodeId }: EventFilter): typeof all => {
    let query = all.where('nodeId', '=', owner)
    if (turnId !== undefined) query = query.where('turnId', '=', turnId)
    if (agentId !== undefined) query = query.where('agentId', '=', agentId)
    // Postgres has no empty list.
    if (kinds?.length === 0) return query.where('seq', '<', 0)
    return kinds === undefined ? query : query.where('kind', 'in', kinds)
  }
  return {
    async after({ cursor, limit, ...filter }) {
      const rows = await those(filter).where('seq', '>', cursor).orderBy('seq').limit(limit).execute()
      return rows.map(eventOf)
    },
    async cursorBefore({ count, ...filter }) {
      const latest = those(filter).clearSelect().select('seq').orderBy('seq', 'desc')
      const row = await latest.offset(count).limit(1).executeTakeFirst()
      return row?.seq ?? 0
    },
    async last({ turnId, nodeId: owner = nodeId }) {
      const events = all.where('nodeId', '=', owner).where('turnId', '=', turnId)
      const row = await events.orderBy('seq', 'desc').limit(1).executeTakeFirst()
      return row === undefined ? undefined : eventOf(row)
    },
    lastSeq: (owner = nodeId) => lastSeqOf(db, owner),
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
