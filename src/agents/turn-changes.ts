import { join } from 'node:path'
import { z } from 'zod'
import { messageOf } from '#kernel'
import type { AppError, TurnId } from '#kernel'
import type { TurnRow } from '#store'
import { readOnlyChanged } from './errors.ts'
import type { TurnRequest } from './turn-request.ts'
import type { SnapshotOutcome, TreeSnapshot, WorkTree } from './work-tree.ts'

const snapshotSchema = z.object({ root: z.string(), tree: z.string(), objects: z.string() })

export interface TurnChanges {
  /**
   * Called before each attempt. Before the first one it takes the tree as it is, and answers it as text to be stored with
   * the turn; null when there is none to be stored. Later it answers what was stored.
   */
  before(turn: TurnRow, request: TurnRequest): Promise<string | null>
  /** What changed since. `didWork`: Codex used a tool, or may have; a read-only turn without is not compared. */
  after(
    turn: TurnRow,
    request: TurnRequest,
    evidence: { readonly didWork: boolean; readonly codexDiff: string | null },
  ): Promise<ChangesAfter>
  /** Call it when the outcome is stored: until then a crash may need the snapshot again. */
  forget(turnId: TurnId): Promise<void>
  /** Removes the snapshots that an earlier life left, but for those of turns that go on. */
  sweep(open: readonly TurnId[]): Promise<void>
}

export interface ChangesAfter {
  readonly diff: string | null
  readonly error: AppError | null
  readonly warning: string | null
}

/** A turn that is at work, as the others need to know it. */
interface AtWork {
  readonly cd: string
  readonly isWriter: boolean
  /** Undefined for a turn that an earlier life began. */
  readonly snapshot: Promise<SnapshotOutcome> | undefined
  /** Where turns that may write were at work meanwhile: a change there need not be this turn's. */
  readonly writersBeside: string[]
}

const nothing: ChangesAfter = { diff: null, error: null, warning: null }

/**
 * Compares the working tree before and after a turn. For a turn that may write, the first snapshot is taken before Codex
 * is told anything, and stored, so that the comparison survives a crash. For a read-only one it is taken beside the start,
 * as it only serves to find a sandbox that does not hold.
 */
export function createTurnChanges(deps: { readonly workTree: WorkTree; readonly folder: string }): TurnChanges {
  const turns = new Map<TurnId, AtWork>()
  const folderOf = (turnId: TurnId): string => join(deps.folder, turnId)

  function begin(turn: TurnRow, request: TurnRequest): AtWork {
    const isFirst = turn.attempts.length === 0
    const others = Array.from(turns.values())
    const atWork: AtWork = {
      cd: request.cd,
      isWriter: request.sandbox !== 'read-only',
      snapshot: isFirst ? snapshot(turn.id, request.cd) : undefined,
      writersBeside: others.filter(other => other.isWriter).map(other => other.cd),
    }
    if (atWork.isWriter) for (const other of others) other.writersBeside.push(atWork.cd)
    turns.set(turn.id, atWork)
    return atWork
  }

  async function snapshot(turnId: TurnId, cd: string): Promise<SnapshotOutcome> {
    try {
      return await deps.workTree.snapshot(cd, folderOf(turnId))
    } catch (error) {
      return { kind: 'failed', reason: messageOf(error) }
    }
  }

  async function compare(turn: TurnRow, request: TurnRequest, before: TreeSnapshot): Promise<ChangesAfter> {
    const changes = await deps.workTree.changesSince(before, folderOf(turn.id))
    if (changes.kind === 'failed') return { ...nothing, warning: `no diff: ${changes.reason}` }
    if (changes.diff === '') return nothing
    const isForeign = turns
      .get(turn.id)
      ?.writersBeside.some(cd => isWithin(cd, before.root) || isWithin(before.root, cd))
    const error = request.sandbox === 'read-only' && isForeign !== true ? readOnlyChanged(changes.files) : null
    return { diff: changes.diff, error, warning: null }
  }

  return {
    async before(turn, request) {
      const atWork = turns.get(turn.id) ?? begin(turn, request)
      if (turn.attempts.length > 0 || !atWork.isWriter) return turn.treeBefore
      const taken = await atWork.snapshot
      return taken?.kind === 'taken' ? JSON.stringify(taken.snapshot) : null
    },
    async after(turn, request, { didWork, codexDiff }) {
      // For a turn that may write the snapshot is there anyway, and not every command leaves a record.
      if (!didWork && request.sandbox === 'read-only') return nothing
      const taken = await turns.get(turn.id)?.snapshot
      const before = taken?.kind === 'taken' ? taken.snapshot : storedSnapshotOf(turn)
      if (before !== null) return compare(turn, request, before)
      return { ...nothing, diff: codexDiff, warning: taken?.kind === 'failed' ? `no full diff: ${taken.reason}` : null }
    },
    async forget(turnId) {
      const atWork = turns.get(turnId)
      turns.delete(turnId)
      // One that is under way would put the folder back.
      await atWork?.snapshot
      await deps.workTree.forget(folderOf(turnId))
    },
    sweep: open => deps.workTree.forgetOthers(deps.folder, new Set<string>(open)),
  }
}

function storedSnapshotOf(turn: TurnRow): TreeSnapshot | null {
  return turn.treeBefore === null ? null : snapshotSchema.parse(JSON.parse(turn.treeBefore))
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)
