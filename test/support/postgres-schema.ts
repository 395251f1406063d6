import { randomBytes } from 'node:crypto'
import { Client } from 'pg'

/** The server that the tests may use; undefined: what needs one is not run, see say-arms.ts. */
export const postgresUrl = process.env['TANDEM_TEST_POSTGRES_URL']

/** A schema of a test's own, empty. Disposing drops it, with the connections to it that are still there. */
export interface PostgresSchema extends AsyncDisposable {
  readonly name: string
  /** Leads into the schema and nowhere else. */
  readonly url: string
  query(text: string, values?: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Ends every connection to it but this one, as a restart of the server would. */
  cutConnections(): Promise<number>
}

export async function createPostgresSchema(server = postgresUrl): Promise<PostgresSchema> {
  if (server === undefined) throw new Error('TANDEM_TEST_POSTGRES_URL is not set')
  const name = `tandem_test_${randomBytes(6).toString('hex')}`
  const client = new Client({ connectionString: server })
  await client.connect()
  await client.query(`create schema ${name}`)
  await client.query(`set search_path = ${name}`)
  const url = new URL(server)
  url.searchParams.set('options', `-csearch_path=${name}`)
  // By which its connections are found.
  url.searchParams.set('application_name', name)
  const cutConnections = async (): Promise<number> => {
    const cut = await client.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1',
      [name],
    )
    return cut.rowCount ?? 0
  }
  return {
    name,
    url: url.href,
    query: async (text, values = []) => (await client.query<Record<string, unknown>>(text, [...values])).rows,
    cutConnections,
    async [Symbol.asyncDispose]() {
      await cutConnections()
      await client.query(`drop schema ${name} cascade`)
      await client.end()
    },
  }
}
