import { asThreadId, newAgentId } from '#kernel'
import type { Clock, NodeId } from '#kernel'
import type { Caller } from '#contracts'
import type { AgentRow, Store } from '#store'
import { resolveDirectory } from './turn-request.ts'
import { noLatestSession, sessionArchived, sessionElsewhere, sessionUnknown } from './errors.ts'

export interface Sessions {
  /** The agent of a session; "last" is the latest one of the caller's Claude session in the directory. */
  find(sessionId: string, where: { readonly cd: string | undefined; readonly caller: Caller }): Promise<AgentRow>
  /** A new agent, not yet stored. */
  begin(input: { readonly cd: string; readonly prompt: string; readonly caller: Caller }): AgentRow
}

export function createSessions(deps: { readonly store: Store; readonly clock: Clock }): Sessions {
  return {
    async find(sessionId, { cd, caller }) {
      if (sessionId !== 'last') {
        const agent = await deps.store.agents.byThread(asThreadId(sessionId))
        if (agent === undefined) throw sessionUnknown(sessionId)
        return agent
      }
      const cwd = cd ?? (caller.project_dir === undefined ? undefined : await resolveDirectory(caller.project_dir))
      if (cwd === undefined) throw noLatestSession('an unknown directory')
      const claudeSessionId = caller.claude_session_id
      const latest = await deps.store.agents.latest({
        cwd,
        ...(claudeSessionId === undefined ? {} : { claudeSessionId }),
      })
      if (latest === undefined) throw noLatestSession(cwd)
      return latest
    },
    begin({ cd, prompt, caller }) {
      const now = deps.clock.now()
      return {
        id: newAgentId(now),
        nodeId: deps.store.nodeId,
        cwd: cd,
        threadId: null,
        status: 'open',
        title: prompt.trim().split('\n')[0]?.slice(0, 80) ?? '',
        door: caller.door,
        claudeSessionId: caller.claude_session_id ?? null,
        createdAt: now,
        lastActiveAt: now,
      }
    },
  }
}

/** Refuses an agent of another machine: its thread is a file of the Codex there. */
export function requireHere(agent: AgentRow, nodeId: NodeId): AgentRow {
  if (agent.nodeId !== nodeId) throw sessionElsewhere(agent.threadId ?? agent.id, agent.nodeId)
  return agent
}

/** Refuses an agent that was put away. */
export function requireOpen(agent: AgentRow): AgentRow {
  if (agent.status === 'archived') throw sessionArchived(agent.threadId ?? agent.id)
  return agent
}
