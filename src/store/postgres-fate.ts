import type { Client } from 'pg'
import { connectPostgres, endPostgres } from './postgres-connect.ts'
import type { PostgresPlace } from './postgres-place.ts'

/** A transaction, and the session that it was in. */
export interface Transaction {
  readonly id: string
  readonly pid: number
}

/** `unknown`: the server remembers no such transaction. */
export type Fate = 'committed' | 'aborted' | 'in progress' | 'unknown'

/** What became of a transaction whose COMMIT was not answered. One that still stands open is ended. */
export async function fateOf(place: PostgresPlace, transaction: Transaction): Promise<Fate> {
  const client = await connectPostgres(place)
  try {
    const found = await client.query<{ status: string | null }>('select txid_status($1) as status', [transaction.id])
    const status = found.rows[0]?.status
    if (status === 'in progress') await endSessionOf(client, transaction)
    return status === 'committed' || status === 'aborted' || status === 'in progress' ? status : 'unknown'
  } finally {
    await endPostgres(client)
  }
}

/** Its COMMIT may have been lost on the way there: nobody else is going to end it soon. */
async function endSessionOf(client: Client, { id, pid }: Transaction): Promise<void> {
  // By its transaction, too: the pid may be another session's by now. There it has 32 bits.
  await client.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where pid = $1::int and backend_xid::text = ($2::bigint % 4294967296)::text',
    [pid, id],
  )
}
