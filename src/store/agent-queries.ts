import type { AgentId, NodeId, ThreadId } from '#kernel'
import type { Kysely } from 'kysely'
import type { AgentRow } from './rows.ts'
import type { Tables } from './tables.ts'

/** Lists are of this node's agents; by its id anybody's is found. */
export interface AgentQueries {
  byId(id: AgentId): Promise<AgentRow | undefined>
  /** The agent that has this thread, or had it before Codex lost it. */
  byThread(threadId: ThreadId): Promise<AgentRow | undefined>
  /** The open agent of a directory (and Claude session, when given) that was active last. */
  latest(where: { readonly cwd: string; readonly claudeSessionId?: string }): Promise<AgentRow | undefined>
  /** Last active first. Open ones only, unless asked otherwise. */
  list(where: {
    readonly cwd?: string
    readonly withArchived?: boolean
    readonly limit: number
  }): Promise<readonly AgentRow[]>
  count(): Promise<number>
}

export function createAgentQueries(db: Kysely<Tables>, nodeId: NodeId): AgentQueries {
  const agents = db.selectFrom('agents').selectAll('agents')
  const latestFirst = agents.where('nodeId', '=', nodeId).orderBy('lastActiveAt', 'desc').orderBy('id', 'desc')
  return {
    byId: id => agents.where('id', '=', id).executeTakeFirst(),
    byThread: threadId =>
      agents
        .where('id', 'in', db.selectFrom('threads').select('agentId').where('threads.id', '=', threadId))
        .executeTakeFirst(),
    latest({ cwd, claudeSessionId }) {
      const inDirectory = latestFirst.where('cwd', '=', cwd).where('status', '=', 'open').limit(1)
      if (claudeSessionId === undefined) return inDirectory.executeTakeFirst()
      return inDirectory.where('claudeSessionId', '=', claudeSessionId).executeTakeFirst()
    },
    list: ({ cwd, withArchived, limit }) =>
      latestFirst
        .$if(cwd !== undefined, query => query.where('cwd', '=', cwd ?? ''))
        .$if(withArchived !== true, query => query.where('status', '=', 'open'))
        .limit(limit)
        .execute(),
    async count() {
      const row = await db
        .selectFrom('agents')
        .select(eb => eb.fn.countAll<number>().as('count'))
        .where('nodeId', '=', nodeId)
        .executeTakeFirst()
      return row?.count ?? 0
    },
  }
}
