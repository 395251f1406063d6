import type { SettingsChange, TurnStatus } from '#contracts'
import type { AgentId, AppError, ThreadId, TurnId } from '#kernel'
import type { CompiledQuery } from 'kysely'
import type { Change } from './change.ts'
import { storeMissing, turnStateChanged } from './errors.ts'
import type { AgentRow, StoredEvent, ThreadRow, TurnRow } from './rows.ts'
import { statements } from './statements.ts'
import { turnColumnsOf, turnPatchColumnsOf } from './turn-columns.ts'

export type AgentPatch = Partial<Omit<AgentRow, 'id' | 'nodeId' | 'createdAt'>>
export type TurnPatch = Partial<
  Omit<TurnRow, 'id' | 'nodeId' | 'agentId' | 'idempotencyKey' | 'inputHash' | 'acceptedAt'>
>

export function insertAgent(row: AgentRow): Change {
  return changeOf(statements.insertInto('agents').values(row).compile())
}

/** Rejects with STORE_MISSING when there is no such agent; with `ifOpen`, as that says when there is no open one. */
export function updateAgent(
  id: AgentId,
  patch: AgentPatch,
  options: { readonly ifOpen?: () => AppError } = {},
): Change {
  // The id sets itself, so that an empty patch is still a statement.
  const query = statements
    .updateTable('agents')
    .set({ ...patch, id })
    .where('id', '=', id)
  if (options.ifOpen !== undefined) return oneRow(query.where('status', '=', 'open').compile(), options.ifOpen)
  return oneRow(query.compile(), () => storeMissing('agents', id))
}

export function insertThread(row: ThreadRow): Change {
  return changeOf(statements.insertInto('threads').values(row).compile())
}

/** Rejects with STORE_MISSING when there is no such thread. */
export function markThreadLost(id: ThreadId, atMs: number): Change {
  const query = statements.updateTable('threads').set({ lostAt: atMs }).where('id', '=', id)
  return oneRow(query.compile(), () => storeMissing('threads', id))
}

/** A second turn with the same idempotency key rejects with STORE_DUPLICATE_KEY (conflict). */
export function insertTurn(row: TurnRow): Change {
  return changeOf(statements.insertInto('turns').values(turnColumnsOf(row)).compile())
}

/** With `ifStatus`: rejects with TURN_STATE_CHANGED (conflict) when the turn has another status. Without: STORE_MISSING when there is none. */
export function updateTurn(
  id: TurnId,
  patch: TurnPatch,
  options: { readonly ifStatus?: readonly TurnStatus[] } = {},
): Change {
  const { ifStatus } = options
  const query = statements
    .updateTable('turns')
    .set({ ...turnPatchColumnsOf(patch), id })
    .where('id', '=', id)
  if (ifStatus === undefined) return oneRow(query.compile(), () => storeMissing('turns', id))
  return oneRow(query.where('status', 'in', ifStatus).compile(), () => turnStateChanged(id, ifStatus))
}

/** Replaces everything that is set in the scope: `global` or `project:<dir>`. */
export function putSettings(scope: string, settings: SettingsChange): Change {
  const value = JSON.stringify(settings)
  const query = statements
    .insertInto('settings')
    .values({ scope, value })
    .onConflict(conflict => conflict.column('scope').doUpdateSet({ value }))
  return changeOf(query.compile())
}

export function insertEvent(event: StoredEvent): Change {
  const columns = { ...event, data: JSON.stringify(event.data) }
  return changeOf(statements.insertInto('events').values(columns).compile())
}

function changeOf(query: CompiledQuery): Change {
  return { sql: query.sql, parameters: query.parameters }
}

function oneRow(query: CompiledQuery, otherwise: () => AppError): Change {
  return { ...changeOf(query), expect: { rows: 1, otherwise } }
}
