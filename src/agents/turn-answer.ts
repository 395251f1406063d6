import type { Clock } from '#kernel'
import type { ThreadSummary, TurnAnswer, TurnMessage, TurnSummary } from '#contracts'
import type { AgentRow, Store, StoredEvent, TurnRow } from '#store'
import { textSoFar } from './turn-outcome.ts'
import { knownRequestOf } from './turn-request.ts'

export interface AnswerOptions {
  /** Undefined: what the turn was asked with, else the settings. */
  readonly allMessages?: boolean | undefined
  /** In UTF-16 units of agent_messages. */
  readonly offset?: number | undefined
  readonly maxChars?: number | undefined
}

/** Everything that is known of a turn now, in the one shape that every door answers with. */
export async function answerOf(
  deps: { readonly store: Pick<Store, 'events'>; readonly clock: Clock },
  turn: TurnRow,
  options: AnswerOptions = {},
): Promise<TurnAnswer> {
  const request = knownRequestOf(turn)
  const last = await deps.store.events.last({ turnId: turn.id, nodeId: turn.nodeId })
  const text = turn.finalText ?? (await textSoFar(deps.store, turn))
  const shown = sliceOf(text, options)
  const hasAll = options.allMessages ?? request.returnAllMessages
  return {
    success: turn.status === 'completed' && turn.error === null,
    session_id: turn.threadId,
    turn_id: turn.id,
    agent_id: turn.agentId,
    status: turn.status,
    agent_messages: shown.text,
    ...(hasAll ? { all_messages: await messagesOf(deps.store, turn, request.reasoning) } : {}),
    ...(request.outputSchema === null || turn.output === null ? {} : { output: turn.output }),
    ...(shown.readOn === null ? {} : { read_on: shown.readOn }),
    usage: turn.usage,
    diff: turn.diff,
    proposed_diff: turn.proposedDiff,
    session_restarted: turn.sessionRestarted,
    elapsed_ms: Math.max(0, (turn.endedAt ?? deps.clock.now()) - turn.acceptedAt),
    last_event:
      last === undefined
        ? null
        : { seq: last.seq, kind: last.kind, at: last.at, text: beginningOf(describeEvent(last)) },
    error: turn.error,
  }
}

function sliceOf(
  text: string,
  options: AnswerOptions,
): { readonly text: string; readonly readOn: { readonly offset: number; readonly total: number } | null } {
  const offset = Math.min(options.offset ?? 0, text.length)
  let end = options.maxChars === undefined ? text.length : Math.min(text.length, offset + options.maxChars)
  // Not between the halves of a character outside of the basic plane; but a reader of one unit at a time must get on.
  if (end < text.length && /[\uD800-\uDBFF]/.test(text.charAt(end - 1))) end += end - 1 > offset ? -1 : 1
  return { text: text.slice(offset, end), readOn: end < text.length ? { offset: end, total: text.length } : null }
}

/** What happened last is a hint; the whole text of a message is in agent_messages. */
const maxHintChars = 500

/** Not up to the middle of a character outside of the basic plane. */
function beginningOf(text: string): string {
  const cut = text.slice(0, maxHintChars)
  return cut.length < text.length ? cut.replace(/[\uD800-\uDBFF]$/, '') : text
}

async function messagesOf(store: Pick<Store, 'events'>, turn: TurnRow, withReasoning: boolean): Promise<TurnMessage[]> {
  const kinds = Object.keys(messageKinds)
  const events = await store.events.after({ cursor: 0, turnId: turn.id, nodeId: turn.nodeId, kinds, limit: 10_000 })
  return events.flatMap(event => {
    const kind = messageKinds[event.kind]
    if (kind === undefined || (kind === 'reasoning' && !withReasoning)) return []
    return [{ kind, text: describeEvent(event) }]
  })
}

const messageKinds: Readonly<Record<string, TurnMessage['kind']>> = {
  message: 'message',
  reasoning: 'reasoning',
  plan: 'plan',
  'command.ended': 'command',
  'files.changed': 'files',
  tool: 'tool',
}

/** An event in one line or text, for people. */
export function describeEvent(event: Pick<StoredEvent, 'kind' | 'data'>): string {
  const { data } = event
  const text = (name: string): string => {
    const value = data[name]
    return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  }
  switch (event.kind) {
    case 'command.started':
      return `runs ${text('command')}`
    case 'command.ended':
      return `$ ${text('command')} (exit ${text('exit_code') || '?'})\n${text('output')}`.trimEnd()
    case 'files.changed':
      return filesIn(data['files'])
    case 'tool':
      return `${text('name')}: ${text('status')}`
    case 'turn.ended':
      return `turn ${text('status')}`
    case 'turn.reconciled':
      return `${text('decision')}: ${text('reason')}`
    case 'usage':
      return `${text('total_tokens')} tokens`
    default:
      return text('text') || text('message') || text('reason') || event.kind
  }
}

function filesIn(files: unknown): string {
  if (!Array.isArray(files)) return ''
  return files
    .map((file: unknown) => {
      const { path, change } = Object(file)
      return `${String(change)} ${String(path)}`
    })
    .join('\n')
}

export function turnSummaryOf(turn: TurnRow): TurnSummary {
  const request = knownRequestOf(turn)
  return {
    turn_id: turn.id,
    agent_id: turn.agentId,
    session_id: turn.threadId,
    status: turn.status,
    cd: request.cd,
    sandbox: request.sandbox,
    prompt: turn.prompt.slice(0, 200),
    accepted_at: turn.acceptedAt,
    started_at: turn.startedAt,
    ended_at: turn.endedAt,
    attempts: turn.attempts.length,
    total_tokens: turn.usage?.total_tokens ?? null,
    error_code: turn.error?.code ?? null,
  }
}

export function threadSummaryOf(
  agent: AgentRow,
  { queued, running, ended }: { readonly queued: number; readonly running: number; readonly ended: number },
): ThreadSummary {
  const activity = running > 0 ? 'running' : queued > 0 ? 'queued' : 'idle'
  return {
    session_id: agent.threadId,
    agent_id: agent.id,
    cd: agent.cwd,
    status: agent.status === 'archived' ? 'archived' : activity,
    turns: queued + running + ended,
    created_at: agent.createdAt,
    last_active_at: agent.lastActiveAt,
    title: agent.title,
  }
}
