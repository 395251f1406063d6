import { asNodeId, messageOf, newNodeId, systemCodeOf } from '#kernel'
import type { Clock, NodeId } from '#kernel'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { storeFailed } from './errors.ts'

/*
 * A state directory is one node, whatever its daemon keeps its rows in. A database file holds the id itself; for a database
 * that several daemons share it is in a file beside.
 */

export const nodeFileOf = (storeFile: string): string => `${dirname(storeFile)}/node-id`

/** The id in the file, or undefined when there is no file. Anything else in it is refused: it may own rows. */
export function readNodeFile(file: string): NodeId | undefined {
  const text = usingFile(file, () => {
    try {
      return readFileSync(file, 'utf8').trim()
    } catch (error) {
      if (systemCodeOf(error) === 'ENOENT') return undefined
      throw error
    }
  })
  if (text === undefined) return undefined
  if (!/^node_[0-9a-z]{10,64}$/.test(text)) throw storeFailed(file, 'it does not hold the id of a node')
  return asNodeId(text)
}

/** Whole and on the disk when it returns: work is going to be owned by it. */
export function writeNodeFile(file: string, nodeId: NodeId): void {
  const draft = `${file}.${process.pid}.tmp`
  usingFile(file, () => {
    try {
      rmSync(draft, { force: true })
      const descriptor = openSync(draft, 'wx', 0o600)
      try {
        writeSync(descriptor, `${nodeId}\n`)
        fsyncSync(descriptor)
      } finally {
        closeSync(descriptor)
      }
      renameSync(draft, file)
    } catch (error) {
      rmSync(draft, { force: true })
      throw error
    }
  })
}

/** The id of the file, else of `earlier`, else a new one; in the file when it returns. */
export function keptNodeId(
  file: string,
  deps: { readonly clock: Clock; readonly earlier: () => NodeId | undefined },
): NodeId {
  const known = readNodeFile(file)
  if (known !== undefined) return known
  const nodeId = deps.earlier() ?? newNodeId(deps.clock.now())
  writeNodeFile(file, nodeId)
  return nodeId
}

function usingFile<T>(file: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    throw storeFailed(file, messageOf(error), error)
  }
}
