import { AppError, shellQuote } from '#kernel'
import type { ErrorData } from '#kernel'

export const storeBusy = (pending: number, pendingBytes: number): AppError =>
  new AppError('STORE_BUSY', 'busy', `${pending} writes (${pendingBytes} bytes) are waiting for the disk`, {
    hint: 'try again in a moment; if it stays so, the disk of the state directory is too slow or hangs',
    data: { pending, pendingBytes },
  })

export const storeTooLarge = (bytes: number, maxBytes: number): AppError =>
  new AppError('STORE_TOO_LARGE', 'invalid', `one write of ${bytes} bytes is over the limit of ${maxBytes} bytes`, {
    hint: 'send less at once',
    data: { bytes, maxBytes },
  })

/** Postgres finds rows by a column only up to 2,700 bytes of it. */
export const storeKeyTooLong = (detail: string, cause?: unknown): AppError =>
  new AppError('STORE_TOO_LARGE', 'invalid', `a directory, key or id is too long for Postgres: ${detail}`, {
    hint: 'use one of at most 2,700 bytes',
    cause,
  })

export const storeFull = (file: string, cause?: unknown): AppError =>
  new AppError('STORE_FULL', 'unavailable', `no space left for ${file}; nothing was written`, {
    hint: 'free space on the disk of the state directory; Tandem goes on by itself once there is some',
    data: { file },
    cause,
  })

export const storeFailed = (file: string, detail: string, cause?: unknown): AppError =>
  new AppError('STORE_FAILED', 'unavailable', `cannot use the database ${file}: ${detail}`, {
    hint: 'check that its disk works, that its directory exists and that you own it; then try again',
    data: { file },
    cause,
  })

export const storeLocked = (file: string, cause?: unknown): AppError =>
  new AppError('STORE_LOCKED', 'unavailable', `another process holds the database ${file}`, {
    hint: '`tandem check` names the program that has it open: let it end, or end it; then try again',
    data: { file },
    cause,
  })

export const storeCorrupt = (file: string, detail: string, cause?: unknown): AppError =>
  new AppError('STORE_CORRUPT', 'unavailable', `${file} is not a sound Tandem database: ${detail}`, {
    hint: `move it away and start empty: ${moveAway(file)}`,
    data: { file },
    cause,
  })

/**
 * Its log and its shared memory belong to it; they may not be there. The directory is a new one each time, and nothing is moved when it is
 * there already: what was moved away before stays.
 */
function moveAway(file: string): string {
  const now = new Date()
    .toISOString()
    .replace(/[-:]|\..*$/g, '')
    .replace('T', '-')
  const [whole, wal, shm, aside] = ['', '-wal', '-shm', `.damaged-${now}`].map(end => shellQuote(`${file}${end}`))
  return `tandem down && mkdir ${aside} && mv ${whole} ${wal} ${shm} ${aside} 2>/dev/null; tandem up`
}

export const storeNewer = (file: string, versions: { readonly database: number; readonly known: number }): AppError =>
  new AppError(
    'STORE_NEWER',
    'unavailable',
    `${file} has version ${versions.database}, this Tandem knows versions up to ${versions.known}; it was left untouched`,
    {
      hint: `install the newer Tandem again, or put the copy ${file}.before-v${versions.known + 1}-* in its place`,
      data: { file, ...versions },
    },
  )

export const databaseNewer = (
  label: string,
  versions: { readonly database: number; readonly known: number },
): AppError =>
  new AppError(
    'STORE_NEWER',
    'unavailable',
    `${label} has version ${versions.database}, this Tandem knows versions up to ${versions.known}; it was left untouched`,
    {
      hint: 'install the newer Tandem on this machine, too: every daemon of a shared database needs the same version',
      data: { place: label, ...versions },
    },
  )

export const storeMigrationFailed = (
  file: string,
  migration: { readonly version: number; readonly name: string },
  cause: unknown,
): AppError =>
  new AppError(
    'STORE_MIGRATION_FAILED',
    'bug',
    `migration ${migration.version} (${migration.name}) of ${file} failed; the database is as it was before it`,
    {
      hint: 'go back to the version of Tandem that you had, and please report this',
      data: { file, version: migration.version },
      cause,
    },
  )

export const storeClosed = (): AppError =>
  new AppError('STORE_CLOSED', 'unavailable', 'the store is closed', {
    hint: 'Tandem is stopping: try again when it runs',
  })

export const storeWriterStopped = (cause?: unknown): AppError =>
  new AppError(
    'STORE_FAILED',
    'unavailable',
    'the writer of the store stopped; whether this was written is not known',
    {
      hint: 'look at the state before trying again; a new writer starts by itself',
      cause,
    },
  )

/** A later thread has looked: it is known. */
export const storeWriterEnded = (): AppError =>
  new AppError('STORE_FAILED', 'unavailable', 'the writer of the store stopped; nothing of this was written', {
    hint: 'try again; another one has started by itself',
  })

/** `unique` names the columns, as in "turns.idempotency_key". */
export const storeDuplicateKey = (unique: string, cause?: unknown): AppError =>
  new AppError('STORE_DUPLICATE_KEY', 'conflict', `there is a row with the same ${unique} already`, {
    hint: 'read the row that is there instead of adding another',
    data: { unique },
    cause,
  })

export const storeMissing = (table: string, id: string): AppError =>
  new AppError('STORE_MISSING', 'missing', `there is no row ${id} in ${table}`, {
    hint: 'check the id',
    data: { table, id },
  })

/** A statement that the database does not take: wrong SQL, a value it cannot hold, a reference to nothing. */
export const storeRejected = (detail: string, data: ErrorData = {}, cause?: unknown): AppError =>
  new AppError('STORE_REJECTED', 'bug', `the database refused a statement: ${detail}`, {
    hint: 'this is a fault in Tandem itself: please report it with the lines of `tandem logs` around it',
    data,
    cause,
  })

export const turnStateChanged = (id: string, ifStatus: readonly string[]): AppError =>
  new AppError('TURN_STATE_CHANGED', 'conflict', `turn ${id} is not ${ifStatus.join(' or ')} any more`, {
    hint: 'read the turn again',
    data: { turnId: id, ifStatus },
  })

export const storeUrlInvalid = (problem: string): AppError =>
  new AppError('STORE_URL_INVALID', 'invalid', `the URL of the database is of no use: ${problem}`, {
    hint: 'write it as postgres://user:password@host:5432/database, with @ : / ? # % of the password as %40 %3A %2F %3F %23 %25',
  })

/** Postgres, beside what STORE_FAILED says of a file. */
export const databaseFailed = (label: string, detail: string, cause?: unknown): AppError =>
  new AppError('STORE_FAILED', 'unavailable', `cannot use the database ${label}: ${detail}`, {
    hint: 'see that Postgres runs and answers there, for example with `psql` or `pg_isready`; then try again',
    data: { database: label },
    cause,
  })

export const databaseUnsuitable = (label: string, detail: string, cure: string): AppError =>
  new AppError('STORE_UNSUITABLE', 'invalid', `Tandem cannot keep anything in ${label}: ${detail}`, {
    hint: cure,
    data: { database: label },
  })

export const databaseOutcomeUnknown = (label: string, cause?: unknown): AppError =>
  new AppError(
    'STORE_FAILED',
    'unavailable',
    `the connection to ${label} was lost during a commit; whether this was written is not known`,
    {
      hint: 'look at the state before trying again; Tandem connects again by itself',
      data: { database: label },
      cause,
    },
  )

export const storeDenied = (label: string, detail: string, cause?: unknown): AppError =>
  new AppError('STORE_DENIED', 'denied', `${label} does not let Tandem in: ${detail}`, {
    hint: 'correct user and password in store.url (config.toml); the user must be allowed to connect and to create tables',
    data: { database: label },
    cause,
  })

/** `cure` makes it. */
export const storeNoDatabase = (label: string, detail: string, cure: string, cause?: unknown): AppError =>
  new AppError('STORE_NO_DATABASE', 'missing', `there is no ${label}: ${detail}`, {
    hint: `make it (${cure}), or correct store.url (config.toml)`,
    data: { database: label },
    cause,
  })

/** It is there, and Tandem has never been. */
export const copyFromNothing = (label: string): AppError =>
  new AppError('STORE_NO_DATABASE', 'missing', `there is nothing of Tandem in ${label}`, {
    hint: 'say where the rows are: --from <file or postgres://…>; a schema of its own is named by ?options=-csearch_path=NAME',
    data: { database: label },
  })

/** Another session waited with a lock in its hands, or one of two that waited for each other had to go. */
export const databaseLocked = (label: string, detail: string, cause?: unknown): AppError =>
  new AppError('STORE_LOCKED', 'unavailable', `another session holds what is needed in ${label}: ${detail}`, {
    hint: 'try again; if it stays so, see whose it is (select * from pg_stat_activity) and end its transaction',
    data: { database: label },
    cause,
  })

/** The server has as many connections as it, the database or the user may have. */
export const databaseCrowded = (label: string, detail: string, cause?: unknown): AppError =>
  new AppError('STORE_FAILED', 'unavailable', `cannot use the database ${label}: ${detail}`, {
    hint: 'every daemon needs up to six connections: end some (select * from pg_stat_activity), or raise the limit that the message names; Tandem tries again by itself',
    data: { database: label, is_crowded: true },
    cause,
  })

/** Whether it may be over once another daemon has ended, which leaves its connections and its locks. */
export const mayEndWithDaemon = (error: unknown): boolean =>
  error instanceof AppError && (error.code === 'STORE_LOCKED' || error.data['is_crowded'] === true)

/** Two daemons with one node id: a state directory was copied, or the session of a machine that is gone lives on. */
export const storeNodeTaken = (label: string, nodeId: string): AppError =>
  new AppError('STORE_LOCKED', 'unavailable', `another daemon works as ${nodeId} in ${label}`, {
    hint: 'a copied state directory needs an id of its own: stop the daemon and remove the file node-id in it; after a crash of the machine wait a minute',
    data: { database: label, node_id: nodeId },
  })

/** Somebody else wrote as this node while the connection was lost: what this daemon knows of its turns is old. */
export const storeNodeLost = (label: string, nodeId: string): AppError =>
  new AppError('STORE_LOCKED', 'unavailable', `another daemon has worked as ${nodeId} in ${label} meanwhile`, {
    hint: 'a copied state directory needs an id of its own (remove the file node-id in it); this daemon writes nothing more: tandem down; tandem up',
    data: { database: label, node_id: nodeId },
  })

/** Reads that wait for a connection to Postgres. */
export const storeReadsBusy = (label: string, waiting: number): AppError =>
  new AppError('STORE_BUSY', 'busy', `${waiting} reads are waiting for ${label}`, {
    hint: 'try again in a moment; if it stays so, the database is too slow or hangs',
    data: { database: label, waiting },
  })

export const copyNotEmpty = (label: string, detail: string): AppError =>
  new AppError('STORE_NOT_EMPTY', 'conflict', `${label} is not empty: ${detail}; nothing was copied`, {
    hint: 'copy into a file that is not there yet, or into a database or schema without rows',
    data: { place: label },
  })

export const copyDiffers = (table: string, read: number, written: number): AppError =>
  new AppError(
    'STORE_COPY_DIFFERS',
    'bug',
    `table ${table} is not the same after the copy (${read} and ${written} rows)`,
    {
      hint: 'nothing was kept of the copy; please report this',
      data: { table, read, written },
    },
  )

export const storeOlder = (label: string, versions: { readonly database: number; readonly known: number }): AppError =>
  new AppError(
    'STORE_OLDER',
    'conflict',
    `${label} has version ${versions.database}, this Tandem works with ${versions.known}`,
    {
      hint: 'let the daemon bring it to this version first: tandem up && tandem down',
      data: { place: label, ...versions },
    },
  )

export const storeMissingFile = (file: string): AppError =>
  new AppError('STORE_NO_DATABASE', 'missing', `there is no database ${file}`, {
    hint: 'say where the rows are: --from <file or postgres://…>',
    data: { file },
  })
