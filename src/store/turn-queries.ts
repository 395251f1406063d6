import type { TurnStatus } from '#contracts'
import type { AgentId, NodeId, TurnId } from '#kernel'
import type { Kysely } from 'kysely'
import type { TurnRow } from './rows.ts'
import type { TurnColumns, Tables } from './tables.ts'
import { turnRowOf } from './turn-columns.ts'

export interface TurnCounts {
  readonly queued: number
  readonly running: number
  /** Completed, failed and interrupted. */
  readonly ended: number
}

/** Lists and counts are of this node's turns, or of one agent's; by its id or key anybody's is found. */
export interface TurnQueries {
  byId(id: TurnId): Promise<TurnRow | undefined>
  byIdempotencyKey(key: string): Promise<TurnRow | undefined>
  /** Queued and running ones of a node, first accepted first. */
  open(nodeId: NodeId): Promise<readonly TurnRow[]>
  /** Newest first. */
  list(where: {
    readonly agentId?: AgentId
    readonly status?: TurnStatus
    readonly cwd?: string
    readonly limit: number
  }): Promise<readonly TurnRow[]>
  counts(where?: { readonly agentId?: AgentId }): Promise<TurnCounts>
}

export function createTurnQueries(db: Kysely<Tables>, nodeId: NodeId): TurnQueries {
  const turns = db.selectFrom('turns').selectAll('turns')
  return {
    byId: async id => rowOf(await turns.where('id', '=', id).executeTakeFirst()),
    byIdempotencyKey: async key => rowOf(await turns.where('idempotencyKey', '=', key).executeTakeFirst()),
    async open(nodeId) {
      const rows = await turns
        .where('status', 'in', ['queued', 'running'])
        .where('nodeId', '=', nodeId)
        .orderBy('acceptedAt')
        .orderBy('id')
        .execute()
      return rows.map(turnRowOf)
    },
    async list({ agentId, status, cwd, limit }) {
      let query = turns.orderBy('acceptedAt', 'desc').orderBy('id', 'desc').limit(limit)
      query = agentId === undefined ? query.where('nodeId', '=', nodeId) : query.where('agentId', '=', agentId)
      if (status !== undefined) query = query.where('status', '=', status)
      if (cwd !== undefined) {
        query = query.where('agentId', 'in', db.selectFrom('agents').select('agents.id').where('cwd', '=', cwd))
      }
      return (await query.execute()).map(turnRowOf)
    },
    counts: (where = {}) => countsOf(db, nodeId, where.agentId),
  }
}

async function countsOf(db: Kysely<Tables>, nodeId: NodeId, agentId: AgentId | undefined): Promise<TurnCounts> {
  const query = db
    .selectFrom('turns')
    .select(eb => ['status', eb.fn.countAll<number>().as('count')])
    .groupBy('status')
  const owned = agentId === undefined ? query.where('nodeId', '=', nodeId) : query.where('agentId', '=', agentId)
  const rows = await owned.execute()
  const count = (is: (status: TurnStatus) => boolean): number =>
    rows.filter(row => is(row.status)).reduce((sum, row) => sum + row.count, 0)
  return {
    queued: count(status => status === 'queued'),
    running: count(status => status === 'running'),
    ended: count(status => status !== 'queued' && status !== 'running'),
  }
}

function rowOf(columns: TurnColumns | undefined): TurnRow | undefined {
  return columns === undefined ? undefined : turnRowOf(columns)
}
