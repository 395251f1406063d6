/** A value as it is in a column. */
export type Raw = string | number | null
export type RawRow = Readonly<Record<string, Raw>>

/** One side of a copy. Disposing leaves nothing behind but what was committed. */
export interface CopyEnd extends AsyncDisposable {
  /** For people, without a password. */
  readonly label: string
  /** Runs a statement with `?` for each parameter. */
  run(sql: string, values: readonly Raw[]): Promise<readonly RawRow[]>
  /** What makes text sort by its bytes. */
  readonly byBytes: string
}

export interface CopyTarget extends CopyEnd {
  /** All of it is there, durably. */
  commit(): Promise<void>
}

export interface CopyTable {
  readonly name: string
  readonly key: readonly string[]
  /** Rows that count; default: all. */
  readonly only?: string
}

/** In an order in which no row refers to one that is not there yet. `facts` and `migrations` are the place's own. */
export const copyTables: readonly CopyTable[] = [
  // What health writes to see that it can is nobody's, and must not make a store one with rows.
  { name: 'settings', key: ['scope'], only: "scope not like 'health:%'" },
  { name: 'agents', key: ['id'] },
  { name: 'threads', key: ['id'] },
  { name: 'turns', key: ['id'] },
  { name: 'events', key: ['node_id', 'seq'] },
]
