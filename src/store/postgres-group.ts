import type { Client } from 'pg'
import { postgresValueOf } from './postgres-connect.ts'
import { isDeadlock, isLost, postgresErrorOf } from './postgres-errors.ts'
import type { Transaction } from './postgres-fate.ts'
import type { PostgresStatement } from './postgres-statements.ts'
import type { WriteFailure } from './write-queue.ts'
import type { Batch } from './writer-messages.ts'

/** One open transaction with all batches of a group; those that failed are undone in it already. */
export interface OpenGroup {
  /** `fateOf` tells later what became of it. */
  readonly transaction: Transaction
  readonly failures: ReadonlyMap<number, WriteFailure>
}

export interface GroupDeps {
  readonly client: Client
  readonly label: string
  readonly statementOf: (sql: string) => PostgresStatement
}

/** After a failed batch what followed it is sent again; in small parts, so that many failures cost no more than that. */
const firstWindow = 16

/** Sends everything but the COMMIT. Rejects when the connection is lost or the transaction as a whole cannot go on. */
export async function openGroup(deps: GroupDeps, group: readonly Batch[]): Promise<OpenGroup> {
  const { client } = deps
  const failures = new Map<number, WriteFailure>()
  // Not waited for: it travels with what follows. Its failure is that of all of them.
  const begun = begin(client)
  let window = group.length
  for (let next = 0; next < group.length;) {
    const sent = group.slice(next, next + window)
    const [results] = await Promise.all([
      Promise.all(sent.map((batch, index) => sendBatch(deps, batch, next + index))),
      begun,
    ])
    const failed = results.findIndex(result => result !== undefined)
    const failure = results[failed]
    if (failure === undefined) {
      next += sent.length
      window *= 2
      continue
    }
    // All that came after it in the transaction is undone, too, and sent again.
    await client.query(`rollback to savepoint batch_${next + failed}`)
    failures.set(next + failed, failure)
    next += failed + 1
    window = firstWindow
  }
  return { transaction: await begun, failures }
}

/** Undefined when all of it is written (as far as the transaction goes). */
async function sendBatch(deps: GroupDeps, batch: Batch, index: number): Promise<WriteFailure | undefined> {
  const { client, label, statementOf } = deps
  // Together on the wire: what follows a failed statement fails as well, and changes nothing.
  const results = await Promise.allSettled([
    client.query(`savepoint batch_${index}`),
    ...batch.map(({ sql, parameters }) =>
      client.query({ ...statementOf(sql), values: parameters.map(postgresValueOf) }),
    ),
  ])
  for (const [place, result] of results.entries()) {
    if (result.status === 'rejected') {
      if (isLost(result.reason) || isDeadlock(result.reason)) throw result.reason
      return { kind: 'error', error: postgresErrorOf(label, result.reason) }
    }
    const expected = batch[place - 1]?.expectedRows ?? null
    if (expected !== null && result.value.rowCount !== expected) return { kind: 'unexpected', statement: place - 1 }
  }
  return undefined
}

async function begin(client: Client): Promise<Transaction> {
  const [, found] = await Promise.all([
    client.query('begin'),
    client.query<Transaction>('select txid_current()::text as id, pg_backend_pid() as pid'),
  ])
  return found.rows[0] ?? { id: '', pid: 0 }
}
