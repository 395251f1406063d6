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
   * Called before each attempt. Before the first one of a turn that may write it takes the tree as it is, and answers it as
   * text to be stored with the turn; null when there is none to be stored. Later it answers what was stored.
   */
  before(turn: TurnRow, request: TurnRequest): Promise<string | null>
  /** Called when Codex has been told of an attempt: looks at the tree of a read-only turn, of which nobody waits for it. */
  sent(turnId: TurnId): void
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
  /** Not begun by an earlier life. */
  readonly isFirst: boolean
  /** Undefined for a turn that an earlier life began, and for a read-only one that was not sent yet. */
  snapshot: Promise<SnapshotOutcome> | undefined
  /** Where turns that may write were at work meanwhile: a change there need not be this turn's. */
  readonly writersBeside: string[]
}

const nothing: ChangesAfter = { diff: null, error: null, warning: null }

/**
 * Compares the working tree before and after a turn. For a turn that may write, the first snapshot is taken before Codex
 * is told anything, and stored, so that the comparison survives a crash. For a read-only one it is taken beside the start,
 * as it only serves to find a sandbox that does not hold: Codex has to ask its model first, so the tree is still as it was.
 */
export function createTurnChanges(deps: { readonly workTree: WorkTree; readonly folder: string }): TurnChanges {
  const turns = new Map<TurnId, AtWork>()
  const folderOf = (turnId: TurnId): string => join(deps.folder, turnId)

  function begin(turn: TurnRow, request: TurnRequest): AtWork {
    const isFirst = turn.attempts.length === 0
    const isWriter = request.sandbox !== 'read-only'
    const others = Array.from(turns.values())
    const atWork: AtWork = {
      cd: request.cd,
      isWriter,
      isFirst,
      snapshot: isFirst && isWriter ? snapshot(turn.id, request.cd) : undefined,
      writersBeside: others.filter(other => other.isWriter).map(other => other.cd),
    }
    if (atWork.isWriter) for (const other of others) other.writersBeside.push(atWork.cd)
    turns.set(turn.id, atWork)
    return atWork
  }

  const snapshot = (turnId: TurnId, cd: string): Promise<SnapshotOutcome> =>
    takeSnapshot(deps.workTree, cd, folderOf(turnId))

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
    sent(turnId) {
      const atWork = turns.get(turnId)
      if (atWork?.isFirst === true) atWork.snapshot ??= snapshot(turnId, atWork.cd)
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

async function takeSnapshot(workTree: WorkTree, cd: string, folder: string): Promise<SnapshotOutcome> {
  try {
    return await workTree.snapshot(cd, folder)
  } catch (error) {
    return { kind: 'failed', reason: messageOf(error) }
  }
}

function storedSnapshotOf(turn: TurnRow): TreeSnapshot | null {
  return turn.treeBefore === null ? null : snapshotSchema.parse(JSON.parse(turn.treeBefore))
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`)
