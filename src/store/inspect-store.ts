import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type { Secret } from '#kernel'
import { storeCorrupt } from './errors.ts'
import { refuseNewer } from './migrate.ts'
import { migrations } from './migrations.ts'
import { usingSqlite, versionOfFile } from './sqlite-file.ts'

export interface StoreInspection {
  /** Where it is, without a password. */
  readonly place: string
  /** Undefined: nothing is there yet. */
  readonly version: number | undefined
}

/**
 * Whether the store could be opened, by reading alone: the same codes as of `openStore`. The whole file is read for
 * damage, which takes a second or so for each gigabyte.
 */
export async function inspectStore(options: {
  readonly file: string
  readonly url?: Secret | undefined
}): Promise<StoreInspection> {
  if (options.url === undefined) return inspectFile(options.file)
  const { inspectPostgres } = await import('./open-postgres.ts')
  return inspectPostgres(options.url)
}

function inspectFile(file: string): StoreInspection {
  if (!existsSync(file)) return { place: file, version: undefined }
  const version = versionOfFile(file, lockWaitMs)
  refuseNewer({ file, migrations }, version)
  usingSqlite(file, () => {
    const url = pathToFileURL(file)
    // As in `versionOfFile`: nothing is made beside it.
    if (!existsSync(`${file}-wal`)) url.searchParams.set('immutable', '1')
    using database = new DatabaseSync(url, { readOnly: true, timeout: lockWaitMs })
    const damage = database
      .prepare('pragma quick_check(3)')
      .all()
      .map(row => String(row['quick_check']))
    if (damage.join() !== 'ok') throw storeCorrupt(file, damage.join('; ').slice(0, 500))
  })
  return { place: file, version }
}

const lockWaitMs = 1000
