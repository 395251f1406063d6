import { AppError, asThreadId } from '#kernel'
import type { Clock, NodeId, ThreadId } from '#kernel'
import type { CodexConnection, CodexTurn, ThreadSettings } from '#codex'
import { insertThread, markThreadLost, updateAgent, updateTurn } from '#store'
import type { AgentRow, Change, TurnRow } from '#store'
import { sessionLost } from './errors.ts'
import type { DescriptorPatience } from './descriptor-patience.ts'
import type { TurnRecorder } from './turn-recorder.ts'
import type { TurnStore } from './turn-store.ts'

export interface OpenedThread {
  readonly threadId: ThreadId
  /** Its turns, when the thread had to be read again: in a Codex process that did not have it. */
  readonly history: readonly CodexTurn[] | undefined
  /** The thread of the turn was lost; this is a new one. */
  readonly wasReplaced: boolean
  /** Of a new one: until then it may be in memory only. It goes with what is written next of the turn. */
  readonly stored?: Promise<void>
}

export interface OpenInput {
  readonly connection: CodexConnection
  readonly agent: AgentRow
  readonly turn: TurnRow
  readonly settings: ThreadSettings
  readonly recorder: TurnRecorder
  /** Around what Codex is asked, as nothing is written in it that a second time would write again. */
  readonly patiently: DescriptorPatience
  /** Read the history even when this process has the thread loaded. */
  readonly mustRead: boolean
}

/** Opens an agent's thread in whatever Codex process is running: loaded already, resumed, or new. */
export interface ThreadOpener {
  open(input: OpenInput): Promise<OpenedThread>
}

export function createThreadOpener(deps: {
  readonly store: Pick<TurnStore, 'turns'>
  readonly nodeId: NodeId
  readonly clock: Clock
}): ThreadOpener {
  // Threads that a process has open. Only the latest process counts: an older one is gone with all its threads.
  let loaded = { generation: -1, threads: new Set<ThreadId>() }

  async function begin(input: OpenInput): Promise<{ readonly threadId: ThreadId; readonly stored: Promise<void> }> {
    const { connection, agent, turn, recorder } = input
    const threadId = asThreadId((await input.patiently(() => connection.startThread(input.settings))).threadId)
    loaded.threads.add(threadId)
    const stored = recorder.hold(
      [
        insertThread({
          id: threadId,
          nodeId: deps.nodeId,
          agentId: agent.id,
          createdAt: deps.clock.now(),
          lostAt: null,
        }),
        updateAgent(agent.id, { threadId }),
        movedTo(threadId, turn),
      ],
      [{ kind: 'session.created', data: { session_id: threadId } }],
    )
    // Whoever gives the thread to Codex waits for it.
    stored.catch(() => undefined)
    return { threadId, stored }
  }

  /** Codex keeps nothing of a thread that never finished a turn (0.169.0): then, and only then, a new one may take its place. */
  async function replace(input: OpenInput, lost: ThreadId, reason: string): Promise<OpenedThread> {
    const earlier = await deps.store.turns.list({ agentId: input.agent.id, status: 'completed', limit: 500 })
    if (earlier.some(turn => turn.threadId === lost)) throw sessionLost(lost)
    await input.recorder.commit(
      [markThreadLost(lost, deps.clock.now()), updateTurn(input.turn.id, { sessionRestarted: true })],
      [{ kind: 'session.restarted', data: { lost, reason } }],
    )
    return { ...(await begin(input)), history: undefined, wasReplaced: true }
  }

  return {
    async open(input) {
      const { connection, agent } = input
      // An older one may still be asked, and is told that it is gone.
      if (connection.generation > loaded.generation) loaded = { generation: connection.generation, threads: new Set() }
      const known = agent.threadId
      if (known === null) return { ...(await begin(input)), history: undefined, wasReplaced: false }
      if (loaded.threads.has(known) && !input.mustRead)
        return { threadId: known, history: undefined, wasReplaced: false }
      try {
        const read = await input.patiently(() => connection.resumeThread(known, input.settings))
        loaded.threads.add(known)
        return { threadId: known, history: read.turns, wasReplaced: false }
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'CODEX_THREAD_LOST') throw error
        return replace(input, known, error.message)
      }
    },
  }
}

/** The turn has this thread now; it says so when its caller named another one. */
export function movedTo(threadId: ThreadId, turn: TurnRow): Change {
  return updateTurn(turn.id, { threadId, ...(turn.threadId === null ? {} : { sessionRestarted: true }) })
}
