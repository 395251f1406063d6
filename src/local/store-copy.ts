import { resolve } from 'node:path'
import type { Config, Places, StoreCopy } from '#contracts'
import { Secret } from '#kernel'
import type { Clock, Log } from '#kernel'
import { copyStore } from '#store'
import type { StorePlace } from '#store'

export interface StoreCopyDeps {
  readonly config: Config
  readonly places: Places
  readonly cwd: string
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  readonly onStep: (step: string) => void
}

/** As written on a command line: a file or a URL. `from` left out: the store that the configuration names. */
export interface StoreCopyRequest {
  readonly to: string
  readonly from: string | undefined
}

/** Copies everything while no daemon of this state directory runs: whoever calls holds its lock. */
export async function runStoreCopy(deps: StoreCopyDeps, request: StoreCopyRequest): Promise<StoreCopy> {
  const { config, places, cwd } = deps
  const used = config.store.url ?? places.storeFile
  const to = placeOf(request.to, cwd)
  const copied = await copyStore({ ...deps, from: placeOf(request.from ?? used, cwd), to, storeFile: places.storeFile })
  return { ...copied, notes: notesOf(copied, { to, places, isUsed: request.to === used }) }
}

function placeOf(text: string, cwd: string): StorePlace {
  if (/^[a-z]+:\/\//i.test(text)) return { kind: 'postgres', url: new Secret(text) }
  return { kind: 'file', file: resolve(cwd, text) }
}

function notesOf(
  copied: Omit<StoreCopy, 'notes'>,
  { to, places, isUsed }: { readonly to: StorePlace; readonly places: Places; readonly isUsed: boolean },
): readonly string[] {
  const notes: string[] = []
  if (to.kind === 'postgres' && !isUsed) notes.push(`to use it, set store.url in ${places.configFile}`)
  if (to.kind === 'file' && to.file === places.storeFile && !isUsed)
    notes.push(`to use it, take store.url out of ${places.configFile}`)
  if (copied.node_id !== null && copied.nodes.length > 0 && !copied.nodes.includes(copied.node_id))
    notes.push(
      `none of the rows belongs to the node of this state directory (${copied.node_id}): they can be read here`,
    )
  return notes
}
