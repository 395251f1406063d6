import { shellQuote } from '#kernel'
import type { PostgresPlace } from './postgres-place.ts'

/* Commands of Postgres' own programs for a person to run. They never hold a password: they ask for it, or find it where we do. */

/** Makes the database of the URL, or another one beside it, as Tandem wants it. */
export function createDatabaseCommand({ server, database }: PostgresPlace, name: string = database): string {
  return ['createdb', ...optionsOf(server), '--encoding=UTF8', '--template=template0', shellQuote(name)].join(' ')
}

/** A database beside the one of the URL, which is there and cannot be used. */
export function createAnotherCommand(place: PostgresPlace): string {
  return createDatabaseCommand(place, place.database === 'tandem' ? 'tandem_own' : 'tandem')
}

/** `schema` is written as in SQL. */
export function createSchemaCommand({ server, database }: PostgresPlace, schema: string): string {
  const to = [...optionsOf(server), option('dbname', database), option('command', `create schema ${schema}`)]
  return ['psql', ...to].join(' ')
}

function optionsOf({ host, port, user }: PostgresPlace['server']): readonly string[] {
  const named = { host, port, username: user }
  return Object.entries(named).flatMap(([name, value]) => (value === '' ? [] : [option(name, value)]))
}

const option = (name: string, value: string): string => `--${name}=${shellQuote(value)}`
