import type { Clock, Log, Secret } from '#kernel'
import type { Client } from 'pg'
import { copyTables } from './copy-end.ts'
import type { CopyEnd, CopyTarget, RawRow } from './copy-end.ts'
import { firstWithRows } from './copy-rows.ts'
import { copyFromNothing, copyNotEmpty, databaseNewer, storeOlder } from './errors.ts'
import { migrations } from './migrations.ts'
import { preparePostgres } from './open-postgres.ts'
import { connectUnhurried, endPostgres, postgresValueOf, usingPostgres } from './postgres-connect.ts'
import { postgresPlaceOf } from './postgres-place.ts'
import type { PostgresPlace } from './postgres-place.ts'
import { createPostgresStatements } from './postgres-statements.ts'
import { versionOfPostgres } from './postgres-version.ts'

/** As it is at this moment, whoever writes to it meanwhile. */
export function openPostgresSource(url: Secret): Promise<CopyEnd> {
  const place = postgresPlaceOf(url)
  return usingPostgres(place, async () => {
    const client = await connectUnhurried(place)
    try {
      await client.query('begin isolation level repeatable read read only')
      assertVersion(place, await versionOfPostgres(client, place))
      return endOf(client, place)
    } catch (error) {
      await endPostgres(client)
      throw error
    }
  })
}

/** One transaction: what is not committed was never there. */
export function openPostgresTarget(
  url: Secret,
  deps: { readonly clock: Clock; readonly log: Log },
): Promise<CopyTarget> {
  const place = postgresPlaceOf(url)
  return usingPostgres(place, async () => {
    await preparePostgres(place, { ...deps, steps: migrations })
    const client = await connectUnhurried(place)
    const end = endOf(client, place)
    try {
      await client.query('begin')
      // Nobody begins to work in it meanwhile.
      await client.query(`lock table ${copyTables.map(table => table.name).join(', ')} in share row exclusive mode`)
      const table = await firstWithRows(end, copyTables)
      if (table !== undefined) throw copyNotEmpty(place.label, `its table ${table} has rows`)
    } catch (error) {
      await endPostgres(client)
      throw error
    }
    return { ...end, commit: () => usingPostgres(place, async () => void (await client.query('commit'))) }
  })
}

function assertVersion(place: PostgresPlace, database: number): void {
  const known = migrations.at(-1)?.version ?? 0
  if (database === 0) throw copyFromNothing(place.label)
  if (database > known) throw databaseNewer(place.label, { database, known })
  if (database < known) throw storeOlder(place.label, { database, known })
}

function endOf(client: Client, place: PostgresPlace): CopyEnd {
  const statementOf = createPostgresStatements()
  return {
    label: place.label,
    byBytes: 'collate "C"',
    run: (sql, values) =>
      usingPostgres(place, async () => {
        const found = await client.query<RawRow>({ text: statementOf(sql).text, values: values.map(postgresValueOf) })
        return found.rows
      }),
    [Symbol.asyncDispose]: () => endPostgres(client),
  }
}
