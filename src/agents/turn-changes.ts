import { join } from 'node:path'
import { z } from 'zod'
import { messageOf } from '#kernel'
import type { AppError, Clock, TurnId } from '#kernel'
import type { TurnRow } from '#store'
import { readOnlyChanged } from './errors.ts'
import { isWithin } from './is-within.ts'
import { TreeBefore } from './tree-before.ts'
import type { TurnRequest } from './turn-request.ts'
import type { ChangesOutcome, Pace, SnapshotOutcome, TreeSnapshot, WorkTree } from './work-tree.ts'

const snapshotSchema = z.object({ root: z.string(), tree: z.string(), objects: z.string() })

export interface TurnChanges {
  /**
   * Called before each attempt. Before the first one of a turn that may write it takes the tree as it is, and answers it as
   * text to be stored with the turn; null when there is none to be stored. Later it answers what was stored.
   */
  before(turn: TurnRow, request: TurnRequest): Promise<string | null>
  /** Called when Codex has been told of an attempt: the tree of a read-only turn is looked at a moment later. */
  sent(turnId: TurnId): void
  /** Called at a sign that Codex uses a tool: if the tree was not looked at yet, it is at once, and may show what the tool did. */
  mayChange(turnId: TurnId): void
  /** What changed since. `didWork`: Codex used a tool, or may have; a read-only turn without is not compared. */
  after(
    turn: TurnRow,
    request: TurnRequest,
    evidence: { readonly didWork: boolean; readonly codexDiff: string | null },
  ): Promise<ChangesAfter>
  /** Call it when the outcome is stored: until then a crash may need the snapshot again. Nobody has to wait for its end. */
  forget(turnId: TurnId): Promise<void>
  /** Everything that was forgotten is gone. */
  settled(): Promise<void>
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
  readonly isWriter: boolean
  /** Undefined for a turn that may write and that an earlier life began: its own is stored. */
  readonly tree: TreeBefore | undefined
  /** Where it works, of a turn that may write. */
  readonly cd: string
  /** Where turns that may write were at work meanwhile: a change there need not be this turn's. */
  readonly writersBeside: string[]
}

const notCompared =
  'not compared: Codex may have used a tool before the working tree was read; a file that was changed by then does not show'

const nothing: ChangesAfter = { diff: null, error: null, warning: null }

/**
 * Compares the working tree before and after a turn. For a turn that may write, the first snapshot is taken before Codex
 * is told anything, and stored, so that the comparison survives a crash. For a read-only one it only serves to find a sandbox that
 * does not hold, and is taken when Codex has asked its model and waits for it, or at the first sign of a tool: it would only slow
 * Codex down before, and a turn that is over by then has changed nothing. One that an earlier life began gets another, which is late.
 */
export function createTurnChanges(deps: {
  readonly workTree: WorkTree
  readonly folder: string
  readonly clock: Clock
}): TurnChanges {
  const turns = new Map<TurnId, AtWork>()
  // As many as end at the same moment.
  const leaving = new Set<Promise<void>>()
  const folderOf = (turnId: TurnId): string => join(deps.folder, turnId)

  function begin(turn: TurnRow, request: TurnRequest): AtWork {
    const { cd } = request
    const folder = folderOf(turn.id)
    const isLate = turn.attempts.length > 0
    const tree = new TreeBefore(deps.clock, pace => takeSnapshot(deps.workTree, { cd, folder, pace }), { isLate })
    const isStored = isLate && request.sandbox !== 'read-only'
    const atWork = atWorkOf(request, isStored ? undefined : tree, Array.from(turns.values()))
    turns.set(turn.id, atWork)
    return atWork
  }

  async function remove(turnId: TurnId, atWork: AtWork | undefined): Promise<void> {
    atWork?.tree?.[Symbol.dispose]()
    // One that is under way would put the folder back.
    await atWork?.tree?.outcome
    await deps.workTree.forget(folderOf(turnId))
  }

  return {
    async before(turn, request) {
      const { tree, isWriter } = turns.get(turn.id) ?? begin(turn, request)
      if (turn.attempts.length > 0 || !isWriter) return turn.treeBefore
      tree?.read('now')
      const taken = await tree?.outcome
      return taken?.kind === 'taken' ? JSON.stringify(taken.snapshot) : null
    },
    sent: turnId => turns.get(turnId)?.tree?.readSoon(),
    mayChange: turnId => turns.get(turnId)?.tree?.toolUsed(),
    async after(turn, request, { didWork, codexDiff }) {
      // For a turn that may write the snapshot is there anyway, and not every command leaves a record.
      if (!didWork && request.sandbox === 'read-only') return nothing
      const atWork = turns.get(turn.id)
      const taken = await atWork?.tree?.outcome
      const before = taken?.kind === 'taken' ? taken.snapshot : storedSnapshotOf(turn)
      if (before !== null)
        return judge(await deps.workTree.changesSince(before, folderOf(turn.id)), {
          request,
          root: before.root,
          atWork,
        })
      return { ...nothing, diff: codexDiff, warning: await whyNoDiff(deps.workTree, request, taken) }
    },
    forget(turnId) {
      const atWork = turns.get(turnId)
      turns.delete(turnId)
      const removed = remove(turnId, atWork).finally(() => leaving.delete(removed))
      leaving.add(removed)
      return removed
    },
    settled: async () => void (await Promise.allSettled(leaving)),
    sweep: open => deps.workTree.forgetOthers(deps.folder, new Set<string>(open)),
  }
}

function atWorkOf({ cd, sandbox }: TurnRequest, tree: TreeBefore | undefined, others: readonly AtWork[]): AtWork {
  const isWriter = sandbox !== 'read-only'
  if (isWriter) for (const other of others) other.writersBeside.push(cd)
  return { isWriter, tree, cd, writersBeside: others.filter(other => other.isWriter).map(other => other.cd) }
}

async function takeSnapshot(
  workTree: WorkTree,
  { cd, folder, pace }: { readonly cd: string; readonly folder: string; readonly pace: Pace },
): Promise<SnapshotOutcome> {
  try {
    return await workTree.snapshot(cd, folder, pace)
  } catch (error) {
    return { kind: 'failed', reason: messageOf(error) }
  }
}

async function whyNoDiff(
  workTree: WorkTree,
  { cd, sandbox }: TurnRequest,
  taken: SnapshotOutcome | undefined,
): Promise<string | null> {
  if (taken?.kind === 'failed') return `no full diff: ${taken.reason}`
  // It used a tool before its tree was looked at: in an earlier life, or as quickly as that.
  const isUnseen = taken === undefined && sandbox === 'read-only'
  return isUnseen && (await workTree.isRepository(cd)) ? notCompared : null
}

function judge(
  changes: ChangesOutcome,
  of: {
    readonly request: TurnRequest
    readonly root: string
    readonly atWork: AtWork | undefined
  },
): ChangesAfter {
  if (changes.kind === 'failed') return { ...nothing, warning: `no diff: ${changes.reason}` }
  // What is found changed in the meantime, all the same.
  if (changes.diff === '') return of.atWork?.tree?.isLate === true ? { ...nothing, warning: notCompared } : nothing
  const isForeign = (of.atWork?.writersBeside ?? []).some(cd => isWithin(cd, of.root) || isWithin(of.root, cd))
  const isWrong = of.request.sandbox === 'read-only' && !isForeign
  return { diff: changes.diff, error: isWrong ? readOnlyChanged(changes.files) : null, warning: null }
}

function storedSnapshotOf(turn: TurnRow): TreeSnapshot | null {
  return turn.treeBefore === null ? null : snapshotSchema.parse(JSON.parse(turn.treeBefore))
}
