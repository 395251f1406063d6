import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import { createPreparedStatements, sqliteValueOf } from './sqlite-prepared.ts'
import type { PreparedStatements } from './sqlite-prepared.ts'
import { isOfTheFile, primaryCodeOf, primaryCodes, problemOf } from './sqlite-problem.ts'
import type { SqliteProblem } from './sqlite-problem.ts'
import type { Batch, BatchResult, FromWriter, ToWriter, WriterSetup } from './writer-messages.ts'

/*
 * The writer thread: one transaction for all batches of a message, a savepoint for each, one COMMIT (one fsync).
 * Imports stay light: this is a whole V8 of its own.
 */

const setup: WriterSetup = workerData
const port = parentPort
if (port === null) throw new Error('the writer runs as a worker thread')

let connection: Connection | undefined

port.on('message', (message: ToWriter) => {
  if (message.kind === 'write') return port.postMessage(write(message.group, message.batches))
  if (message.kind === 'ask') return port.postMessage(ask(message.group))
  forgetConnection()
  port.close()
})

interface Connection {
  readonly database: DatabaseSync
  readonly prepared: PreparedStatements
}

function write(group: string, batches: readonly Batch[]): FromWriter {
  try {
    const current = (connection ??= open())
    const { database, prepared } = current
    prepared.of('begin immediate').run()
    const results = batches.map(batch => writeBatch(current, batch))
    if (batches.some(batch => batch.length > 0)) sign(prepared, { group, results })
    waitAtGate()
    if (!database.isTransaction) throw new Error('the transaction ended before its commit')
    prepared.of('commit').run()
    endAtGate(3)
    return { kind: 'results', results }
  } catch (error) {
    const problem = problemOf(error)
    abandon(problem)
    return { kind: 'failed', problem }
  }
}

/** The last group and what became of its batches, in its own transaction: a thread that comes after this one can tell. */
interface Signature {
  readonly group: string
  readonly results: readonly BatchResult[]
}

function sign(prepared: PreparedStatements, signature: Signature): void {
  prepared
    .of(
      "insert into facts (name, value) values ('last_group', ?) on conflict (name) do update set value = excluded.value",
    )
    .run(JSON.stringify(signature))
}

function ask(group: string): FromWriter {
  try {
    const { prepared } = (connection ??= open())
    const row = prepared.of("select value from facts where name = 'last_group'").get()
    if (row === undefined) return { kind: 'absent' }
    const last: Signature = JSON.parse(String(row['value']))
    return last.group === group ? { kind: 'results', results: last.results } : { kind: 'absent' }
  } catch (error) {
    return { kind: 'failed', problem: problemOf(error) }
  }
}

function writeBatch({ database, prepared }: Connection, batch: Batch): BatchResult {
  prepared.of('savepoint batch').run()
  try {
    const statement = batch.findIndex(({ sql, parameters, expectedRows }) => {
      const { changes } = prepared.of(sql).run(...parameters.map(sqliteValueOf))
      return expectedRows !== null && Number(changes) !== expectedRows
    })
    if (statement === -1) {
      prepared.of('release batch').run()
      return { kind: 'written' }
    }
    undo(prepared)
    return { kind: 'unexpected', statement }
  } catch (error) {
    const problem = problemOf(error)
    // SQLite may have rolled back everything; then the neighbours are lost, too (sqlite.org/lang_transaction.html).
    if (!database.isTransaction || isOfTheFile(problem)) throw error
    undo(prepared)
    return { kind: 'failed', problem }
  }
}

function undo(prepared: PreparedStatements): void {
  prepared.of('rollback to batch').run()
  prepared.of('release batch').run()
}

function open(): Connection {
  const database = new DatabaseSync(setup.file, { timeout: setup.lockWaitMs })
  // FULL: what is acknowledged is on the disk. The log is cut back after a burst.
  database.exec('pragma synchronous = full; pragma journal_size_limit = 67108864')
  if (setup.faults.maxPages !== undefined) database.exec(`pragma max_page_count = ${setup.faults.maxPages}`)
  return { database, prepared: createPreparedStatements(database) }
}

function abandon(problem: SqliteProblem): void {
  const primary = primaryCodeOf(problem)
  try {
    if (connection?.database.isTransaction) connection.database.exec('rollback')
    // A full disk or a lock passes; after anything else of the file a new connection has to prove itself.
    if (primary === primaryCodes.full || primary === primaryCodes.busy || !isOfTheFile(problem)) return
  } catch {
    // It cannot even roll back: closing does so.
  }
  forgetConnection()
}

function forgetConnection(): void {
  try {
    connection?.database.close()
  } catch {
    // Nothing is lost by a failed close: what was committed is in the log.
  }
  connection = undefined
}

function waitAtGate(): void {
  const { gate } = setup.faults
  if (gate === undefined) return
  Atomics.wait(gate, 0, 1, 10_000)
  endAtGate(2)
}

function endAtGate(state: number): void {
  const { gate } = setup.faults
  // In a worker this ends the thread, not the program.
  if (gate !== undefined && Atomics.load(gate, 0) === state) process.exit(1)
}
