import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { CopyEnd, CopyTable, RawRow } from './copy-end.ts'

export interface TableContents {
  readonly name: string
  readonly rows: number
  readonly sha256: string
}

/** Rows at once: a turn may be some megabytes. SQLite takes 32,766 parameters in a statement, Postgres twice as many. */
const pageRows = 100

/** Passes all rows in the order of their key, and tells what they were. */
export async function readTable(
  end: CopyEnd,
  table: CopyTable,
  options: { readonly signal: AbortSignal; readonly onRows: (rows: readonly RawRow[]) => Promise<void> },
): Promise<TableContents> {
  const hash = createHash('sha256')
  let rows = 0
  for (let last: RawRow | undefined; ;) {
    // SQLite's side never waits: without a turn of the event loop no signal would get through.
    await setImmediate()
    options.signal.throwIfAborted()
    const page = await pageAfter(end, table, last)
    for (const row of page) hash.update(`${canonical(row)}\n`)
    if (page.length > 0) await options.onRows(page)
    rows += page.length
    last = page.at(-1)
    if (last === undefined || page.length < pageRows) return { name: table.name, rows, sha256: hash.digest('hex') }
  }
}

export async function insertRows(end: CopyEnd, table: CopyTable, rows: readonly RawRow[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {})
  const places = `(${columns.map(() => '?').join(', ')})`
  const sql = `insert into ${table.name} (${columns.map(quoted).join(', ')}) values ${rows.map(() => places).join(', ')}`
  await end.run(
    sql,
    rows.flatMap(row => columns.map(column => row[column] ?? null)),
  )
}

/** The first table that has a row. */
export async function firstWithRows(end: CopyEnd, tables: readonly CopyTable[]): Promise<string | undefined> {
  for (const { name, only = '1 = 1' } of tables) {
    const found = await end.run(`select 1 as one from ${name} where ${only} limit 1`, [])
    if (found.length > 0) return name
  }
  return undefined
}

async function pageAfter(
  end: CopyEnd,
  { name, key, only = '1 = 1' }: CopyTable,
  last: RawRow | undefined,
): Promise<readonly RawRow[]> {
  const columns = key.map(column => (column === 'seq' ? column : `${column} ${end.byBytes}`))
  const order = `order by ${columns.join(', ')} limit ${pageRows}`
  if (last === undefined) return end.run(`select * from ${name} where ${only} ${order}`, [])
  const after = `(${columns.join(', ')}) > (${columns.map(() => '?').join(', ')})`
  return end.run(
    `select * from ${name} where ${only} and ${after} ${order}`,
    key.map(column => last[column] ?? null),
  )
}

/** The same text for the same row, whatever order the columns come in. */
function canonical(row: RawRow): string {
  return JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

const quoted = (name: string): string => `"${name}"`
