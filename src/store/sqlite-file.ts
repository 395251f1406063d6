import type { Clock, NodeId } from '#kernel'
import { asNodeId, messageOf, systemCodeOf } from '#kernel'
import { chmodSync, closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { storeCorrupt, storeFailed, storeFull } from './errors.ts'
import { storeErrorOfThrown } from './sqlite-errors.ts'

const ownerOnly = 0o600
const keptBackups = 3

/** The version of the database in a file, 0 when there is none yet. Reads only: not one byte or time of the file changes. */
export function versionOfFile(file: string, lockWaitMs: number): number {
  if (!existsSync(file)) return 0
  return usingSqlite(file, () => {
    using database = openUntouched(file, lockWaitMs)
    const tables = database.prepare("select name from sqlite_master where type = 'table'").all()
    if (tables.length === 0) return 0
    if (!tables.some(table => table['name'] === 'migrations')) throw storeCorrupt(file, 'it belongs to another program')
    return Number(database.prepare('select max(version) as version from migrations').get()?.['version'] ?? 0)
  })
}

/** The node whose rows a database file holds; undefined when there is no such file. Reads only. */
export function nodeIdOfFile(file: string): NodeId | undefined {
  if (!existsSync(file)) return undefined
  return usingSqlite(file, () => {
    using database = openUntouched(file, 0)
    const known = database.prepare("select value from facts where name = 'node_id'").get()?.['value']
    return typeof known === 'string' ? asNodeId(known) : undefined
  })
}

/** Not one byte or time of the file changes, and nothing is made beside it. For a look, not for living with. */
export function openUntouched(file: string, lockWaitMs: number): DatabaseSync {
  const url = pathToFileURL(file)
  // Without a write-ahead log the file is all there is; then SQLite is told to make nothing beside it either.
  if (!existsSync(`${file}-wal`)) url.searchParams.set('immutable', '1')
  return new DatabaseSync(url, { readOnly: true, timeout: lockWaitMs })
}

/** Opens for writing, made when missing; nobody but the owner can read it or what SQLite puts beside it. */
export function openForWriting(file: string, lockWaitMs: number): DatabaseSync {
  return usingSqlite(file, () => {
    makePrivate(file)
    const database = new DatabaseSync(file, { timeout: lockWaitMs })
    try {
      const mode = database.prepare('pragma journal_mode = wal').get()?.['journal_mode']
      if (mode !== 'wal')
        throw storeFailed(file, `this file system has no write-ahead log (journal mode ${String(mode)})`)
      database.exec('pragma synchronous = full')
      // Takes the lock for a moment: another process that holds it is found now and not with the first write.
      database.exec('begin immediate; commit')
      return database
    } catch (error) {
      database.close()
      throw error
    }
  })
}

export function openForReading(file: string, lockWaitMs: number): DatabaseSync {
  return usingSqlite(file, () => new DatabaseSync(file, { readOnly: true, timeout: lockWaitMs }))
}

/** A whole copy beside the file, as `<file>.before-v<version>-<time>`; the latest three are kept. Answers its path. */
export function backUp(
  database: DatabaseSync,
  file: string,
  before: { readonly version: number; readonly clock: Clock },
): string {
  const time = new Date(before.clock.now()).toISOString().replace(/[-:.]/g, '')
  const copy = `${file}.before-v${before.version}-${time}`
  // Whole under its name, or not there: a process that dies while it writes leaves only this.
  const partial = `${copy}${partialEnd}`
  usingSqlite(file, () => {
    forgetPartialBackups(file)
    try {
      // SQLite writes into an empty file and leaves its mode alone.
      closeSync(openSync(partial, 'wx', ownerOnly))
      database.prepare('vacuum into ?').run(partial)
      syncFile(partial)
      renameSync(partial, copy)
      syncFile(dirname(copy))
    } catch (error) {
      rmSync(partial, { force: true })
      throw error
    }
  })
  forgetOldBackups(file)
  return copy
}

const partialEnd = '.partial'
const backupStart = (file: string): string => `${basename(file)}.before-v`

/** Only one process at a time migrates: none of them is being written. */
function forgetPartialBackups(file: string): void {
  const partial = readdirSync(dirname(file)).filter(
    // With the journal that SQLite keeps beside it.
    name => name.startsWith(backupStart(file)) && name.includes(partialEnd),
  )
  for (const name of partial) rmSync(`${dirname(file)}/${name}`, { force: true })
}

function forgetOldBackups(file: string): void {
  const timeOf = (name: string): string => name.slice(name.lastIndexOf('-') + 1)
  const backups = readdirSync(dirname(file))
    .filter(name => name.startsWith(backupStart(file)))
    .sort((a, b) => timeOf(b).localeCompare(timeOf(a)))
  for (const old of backups.slice(keptBackups)) rmSync(`${dirname(file)}/${old}`, { force: true })
}

function makePrivate(file: string): void {
  // Never opened when it is there: closing any descriptor of a file drops SQLite's locks on it (POSIX).
  if (!existsSync(file)) closeSync(openSync(file, 'wx', ownerOnly))
  for (const part of [file, `${file}-wal`, `${file}-shm`]) if (existsSync(part)) chmodSync(part, ownerOnly)
}

export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Gives what SQLite or the file system throws its code and its cure. */
export function usingSqlite<T>(file: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    const system = systemCodeOf(error)
    if (system === 'ENOSPC' || system === 'EDQUOT') throw storeFull(file, error)
    if (system !== undefined && /^E[A-Z]+$/.test(system)) throw storeFailed(file, messageOf(error), error)
    throw storeErrorOfThrown(file, error)
  }
}
