import type { StoreCopy } from '#contracts'
import type { Clock, Log, NodeId, Secret } from '#kernel'
import { copyTables } from './copy-end.ts'
import type { CopyEnd, CopyTarget } from './copy-end.ts'
import { openFileSource, openFileTarget } from './copy-file.ts'
import { insertRows, readTable } from './copy-rows.ts'
import { copyDiffers } from './errors.ts'
import { nodeFileOf, readNodeFile, writeNodeFile } from './node-file.ts'
import { nodeIdOfFile } from './sqlite-file.ts'

export type StorePlace =
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'postgres'; readonly url: Secret }

export interface CopyDeps {
  readonly from: StorePlace
  readonly to: StorePlace
  /** The database file of the state directory, there or not: its node is the one that goes on with its rows. */
  readonly storeFile: string
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly onStep: (step: string) => void
}

/**
 * Copies every row into a store without any, reads them back, and compares before it commits. Rejects with nothing there.
 * The nodes that own rows stay their owners.
 */
export async function copyStore(deps: CopyDeps): Promise<Omit<StoreCopy, 'notes'>> {
  const nodeFile = nodeFileOf(deps.storeFile)
  const nodeId = readNodeFile(nodeFile) ?? nodeIdOfFile(deps.storeFile)
  await using source = await openSource(deps.from)
  await using target = await openTarget(deps, nodeId)
  const tables: StoreCopy['tables'][number][] = []
  for (const table of copyTables) {
    let rows = 0
    const read = await readTable(source, table, {
      signal: deps.signal,
      async onRows(page) {
        await insertRows(target, table, page)
        rows += page.length
        if (rows % stepRows === 0) deps.onStep(`${table.name}: ${rows} rows`)
      },
    })
    const written = await readTable(target, table, { signal: deps.signal, onRows: async () => undefined })
    if (written.rows !== read.rows || written.sha256 !== read.sha256)
      throw copyDiffers(table.name, read.rows, written.rows)
    deps.onStep(`${table.name}: ${read.rows} rows, compared`)
    tables.push(read)
  }
  const nodes = await nodesOf(source)
  deps.signal.throwIfAborted()
  await target.commit()
  // The file database may go now; who its daemon is stays known.
  if (nodeId !== undefined && deps.to.kind === 'postgres') writeNodeFile(nodeFile, nodeId)
  return { from: source.label, to: target.label, tables, nodes, node_id: nodeId ?? null }
}

const stepRows = 10_000

async function nodesOf(source: CopyEnd): Promise<readonly string[]> {
  const rows = await source.run('select distinct node_id from agents union select distinct node_id from events', [])
  return rows.map(row => String(row['node_id'])).toSorted()
}

async function openSource(place: StorePlace): Promise<CopyEnd> {
  if (place.kind === 'file') return openFileSource(place.file)
  const { openPostgresSource } = await import('./copy-postgres.ts')
  return openPostgresSource(place.url)
}

async function openTarget(deps: CopyDeps, nodeId: NodeId | undefined): Promise<CopyTarget> {
  const { to } = deps
  if (to.kind === 'file') return openFileTarget(to.file, { ...deps, nodeId })
  const { openPostgresTarget } = await import('./copy-postgres.ts')
  return openPostgresTarget(to.url, deps)
}
