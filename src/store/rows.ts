import type { EventKind, NewEvent, ProposedDiff, TurnStatus, Usage } from '#contracts'
import type { AgentId, ErrorShape, NodeId, ThreadId, TurnId } from '#kernel'

/** A parsed JSON object whose members the store does not look at. */
export type JsonObject = Readonly<Record<string, unknown>>

/** A worker with one directory and at most one live thread. Times are milliseconds since the epoch, here and below. */
export interface AgentRow {
  readonly id: AgentId
  readonly nodeId: NodeId
  readonly cwd: string
  /** The thread it works in now; the ones it lost are in the threads. */
  readonly threadId: ThreadId | null
  readonly status: 'open' | 'archived'
  readonly title: string
  /** The door that made it, as in `Caller`. */
  readonly door: string
  readonly claudeSessionId: string | null
  readonly createdAt: number
  readonly lastActiveAt: number
}

/** A Codex conversation that an agent has, or had until Codex lost it. */
export interface ThreadRow {
  readonly id: ThreadId
  readonly nodeId: NodeId
  readonly agentId: AgentId
  readonly createdAt: number
  readonly lostAt: number | null
}

/** One turn of Codex that was started for one of ours; more than one only after crashes. */
export interface Attempt {
  readonly number: number
  readonly clientMessageId: string
  readonly why: 'start' | 'continue' | 'rerun'
  /** Null until Codex has answered. */
  readonly codexTurnId: string | null
  readonly startedAt: number
}

/** One accepted prompt and its outcome. */
export interface TurnRow {
  readonly id: TurnId
  readonly nodeId: NodeId
  readonly agentId: AgentId
  readonly threadId: ThreadId | null
  readonly status: TurnStatus
  readonly prompt: string
  /** What was asked for beside the prompt: sandbox, model, effort … */
  readonly request: JsonObject
  readonly caller: JsonObject
  /** Unique over all turns. */
  readonly idempotencyKey: string | null
  readonly inputHash: string
  readonly acceptedAt: number
  readonly startedAt: number | null
  readonly endedAt: number | null
  readonly attempts: readonly Attempt[]
  readonly cancelledBy: string | null
  readonly pausedAt: number | null
  readonly finalText: string | null
  /** Any JSON value; null also when there is none. */
  readonly output: unknown
  readonly usage: Usage | null
  readonly diff: string | null
  readonly proposedDiff: ProposedDiff | null
  readonly sessionRestarted: boolean
  readonly treeBefore: string | null
  readonly error: ErrorShape | null
}

export type AcceptedTurn = Pick<
  TurnRow,
  | 'id'
  | 'nodeId'
  | 'agentId'
  | 'threadId'
  | 'prompt'
  | 'request'
  | 'caller'
  | 'idempotencyKey'
  | 'inputHash'
  | 'acceptedAt'
>

/** The row of a turn at the moment it is accepted: nothing has happened to it yet. */
export function queuedTurn(accepted: AcceptedTurn): TurnRow {
  return {
    ...accepted,
    status: 'queued',
    startedAt: null,
    endedAt: null,
    attempts: [],
    cancelledBy: null,
    pausedAt: null,
    finalText: null,
    output: null,
    usage: null,
    diff: null,
    proposedDiff: null,
    sessionRestarted: false,
    treeBefore: null,
    error: null,
  }
}

/** An event to be recorded. `commit` gives it its seq, its time and its node. */
export type EventInput = NewEvent & {
  readonly agentId: AgentId
  readonly turnId: TurnId | null
  readonly threadId: ThreadId | null
}

/** A recorded event. The kind is open: an older row may have one that this version no longer writes. */
export interface StoredEvent {
  /** Rises with every event of this node, in the order of the calls of `commit`; may have gaps. The cursor. */
  readonly seq: number
  readonly at: number
  readonly nodeId: NodeId
  readonly kind: EventKind | (string & {})
  readonly agentId: AgentId
  readonly turnId: TurnId | null
  readonly threadId: ThreadId | null
  readonly data: JsonObject
}
