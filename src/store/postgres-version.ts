import type { AppError } from '#kernel'
import type { Client } from 'pg'
import { databaseNewer, databaseUnsuitable } from './errors.ts'
import type { Migration } from './migrations.ts'
import { isMissingColumn } from './postgres-errors.ts'
import type { PostgresPlace } from './postgres-place.ts'
import { createAnotherCommand } from './postgres-programs.ts'

export function refuseNewerSchema(place: PostgresPlace, database: number, steps: readonly Migration[]): void {
  const known = steps.at(-1)?.version ?? 0
  if (database > known) throw databaseNewer(place.label, { database, known })
}

const anothers = (place: PostgresPlace, tables: string): AppError =>
  databaseUnsuitable(
    place.label,
    `its table ${tables} is another program's`,
    `give Tandem a database of its own and name it in store.url: ${createAnotherCommand(place)}`,
  )

/** The version of the schema that the connection works in, 0 when there is nothing of ours yet. */
export async function versionOfPostgres(client: Client, place: PostgresPlace): Promise<number> {
  const names = ['migrations', 'facts', 'settings', 'agents', 'threads', 'turns', 'events']
  const found = await client.query<{ name: string }>(
    'select tablename as name from pg_tables where schemaname = current_schema() and tablename = any(string_to_array($1, $2))',
    [names.join(' '), ' '],
  )
  const tables = found.rows.map(row => row.name)
  if (tables.length === 0) return 0
  if (!tables.includes('migrations')) throw anothers(place, tables.join(', '))
  try {
    const version = await client.query<{ version: number | null }>(
      'select max(version) as version, max(applied_at) as at from migrations',
    )
    return version.rows[0]?.version ?? 0
  } catch (error) {
    if (isMissingColumn(error)) throw anothers(place, 'migrations')
    throw error
  }
}
