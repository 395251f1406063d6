import type { AgentRow, StoredEvent, ThreadRow, TurnRow } from './rows.ts'

/*
 * The tables as Kysely sees them. Columns are snake_case in the database (CamelCasePlugin), JSON is text,
 * a boolean is an integer 0 or 1, a time is a bigint of milliseconds.
 */

export interface Tables {
  readonly agents: AgentRow
  readonly threads: ThreadRow
  readonly turns: TurnColumns
  readonly events: EventColumns
  readonly settings: { readonly scope: string; readonly value: string }
  readonly facts: { readonly name: string; readonly value: string }
}

type TurnJson = 'request' | 'caller' | 'attempts' | 'output' | 'usage' | 'proposedDiff' | 'error'

export interface TurnColumns extends Omit<TurnRow, TurnJson | 'sessionRestarted'> {
  readonly request: string
  readonly caller: string
  readonly attempts: string
  readonly output: string | null
  readonly usage: string | null
  readonly proposedDiff: string | null
  readonly error: string | null
  readonly sessionRestarted: number
}

export interface EventColumns extends Omit<StoredEvent, 'data' | 'kind'> {
  readonly kind: string
  readonly data: string
}
