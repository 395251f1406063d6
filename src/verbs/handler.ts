import type { Agents } from '#agents'
import type { CallOptions, Health, LogLevel, ParsedInput, VerbName, VerbOutput, WireEvent } from '#contracts'
import type { Clock } from '#kernel'
import type { Store, StoredEvent } from '#store'

export type StatusFacts = Omit<VerbOutput<'status'>, 'turns' | 'threads' | 'rate_limits' | 'node_id' | 'uptime_ms'>

/** What handlers stand on; from `facts` on, the daemon's own affairs. */
export interface VerbsDeps {
  readonly agents: Agents
  readonly store: Store
  readonly clock: Clock
  readonly facts: () => Promise<StatusFacts>
  readonly health: () => Promise<Health>
  readonly logging: {
    level(): LogLevel
    setLevel(level: LogLevel): void
    readonly configured: LogLevel
  }
  /** Begins to stop the daemon; the answer still goes out. */
  readonly shutdown: (options: { readonly graceMs: number | undefined; readonly reason: 'down' | 'upgrade' }) => void
}

export type Handler<N extends VerbName> = (
  deps: VerbsDeps,
  input: ParsedInput<N>,
  options: CallOptions,
) => Promise<VerbOutput<N>>

export function wireEventOf(event: StoredEvent): WireEvent {
  return {
    seq: event.seq,
    at: event.at,
    kind: event.kind,
    agent_id: event.agentId,
    turn_id: event.turnId,
    session_id: event.threadId,
    data: { ...event.data },
  }
}

/**
 * Passes the events of a turn on while it is waited for, if the caller follows. Providers send summaries of the reasoning
 * unasked, too: where the settings are against them only the verb `events` shows them.
 */
export async function followTurn(
  deps: VerbsDeps,
  turnId: string,
  options: CallOptions & { readonly cursor?: number | undefined },
): Promise<Disposable> {
  const { onEvent } = options
  if (onEvent === undefined) return { [Symbol.dispose]: () => undefined }
  const turn = await deps.agents.turn(turnId)
  const isHidden = ({ kind }: StoredEvent): boolean => kind === 'reasoning' && turn.request['reasoning'] === false
  return deps.agents.follow({ turnId: turn.id }, options.cursor ?? 0, event => {
    if (!isHidden(event)) onEvent(wireEventOf(event))
  })
}
