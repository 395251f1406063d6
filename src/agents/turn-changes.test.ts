import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { asAgentId, asNodeId, asTurnId, createFakeClock } from '#kernel'
import { queuedTurn } from '#store'
import { createTurnChanges } from './turn-changes.ts'
import { knownRequestOf } from './turn-request.ts'
import type { TurnRequest } from './turn-request.ts'
import type { ChangesOutcome, SnapshotOutcome, TreeSnapshot, WorkTree } from './work-tree.ts'

const request: TurnRequest = knownRequestOf({ request: { cd: '/x' } })

const turn = queuedTurn({
  id: asTurnId('turn_1'),
  nodeId: asNodeId('node_1'),
  agentId: asAgentId('agent_1'),
  threadId: null,
  prompt: 'p',
  request,
  caller: {},
  idempotencyKey: null,
  inputHash: '',
  acceptedAt: 0,
})

const attempt = { number: 1, why: 'start', clientMessageId: 'm', codexTurnId: null, startedAt: 0 } as const
const failed: SnapshotOutcome = { kind: 'failed', reason: 'slow' }
const taken: SnapshotOutcome = { kind: 'taken', snapshot: { root: '/x', tree: 't', objects: 'o' } }

/** A working tree whose snapshots take until they are told to be done. */
function openSlowTree(
  found: ChangesOutcome = { kind: 'failed', reason: 'not asked for' },
  { isRepository } = { isRepository: true },
) {
  const done: string[] = []
  const asked: TreeSnapshot[] = []
  const first = Promise.withResolvers<SnapshotOutcome>()
  const workTree: WorkTree = {
    snapshot: async (_cwd, _folder, pace) => {
      done.push(pace === 'beside' ? 'begun beside' : 'begun')
      const outcome = await first.promise
      done.push('snapshot')
      return outcome
    },
    async changesSince(before) {
      asked.push(before)
      return found
    },
    isRepository: async () => isRepository,
    forget: async folder => void done.push(`removed ${folder}`),
    forgetOthers: async () => undefined,
  }
  const clock = createFakeClock()
  const changes = createTurnChanges({ workTree, folder: '/trees', clock })
  return { changes, clock, done, asked, finish: (outcome = failed) => first.resolve(outcome) }
}

describe('the snapshot of a turn', () => {
  it('that is still under way is waited for before its folder is removed', async () => {
    const { changes, done, finish } = openSlowTree()
    await changes.before(turn, request)
    changes.mayChange(turn.id)
    const forgotten = changes.forget(turn.id)
    const settled = changes.settled().then(() => done.push('settled'))
    finish()
    await Promise.all([forgotten, settled])
    expect(done).toEqual(['begun', 'snapshot', 'removed /trees/turn_1', 'settled'])
  })

  it('of a read-only turn is begun when Codex waits for its model, once, and takes only idle time', async () => {
    const { changes, clock, done } = openSlowTree()
    expect(await changes.before(turn, request)).toBe(null)
    changes.sent(turn.id)
    changes.sent(turn.id)
    clock.advance(249)
    expect(done).toEqual([])
    clock.advance(1)
    changes.mayChange(turn.id)
    clock.advance(1000)
    expect(done).toEqual(['begun beside'])
  })

  it('is begun at once at the first sign of a tool', async () => {
    const { changes, clock, done } = openSlowTree()
    await changes.before(turn, request)
    changes.sent(turn.id)
    changes.mayChange(turn.id)
    expect(done).toEqual(['begun'])
    clock.advance(1000)
    expect(done).toEqual(['begun'])
  })

  it('is not taken of a turn that was over before, and was only talk', async () => {
    const { changes, clock, done } = openSlowTree()
    await changes.before(turn, request)
    changes.sent(turn.id)
    const after = await changes.after(turn, request, { didWork: false, codexDiff: null })
    expect(after).toEqual({ diff: null, error: null, warning: null })
    await changes.forget(turn.id)
    clock.advance(1000)
    changes.mayChange(turn.id)
    expect(done).toEqual(['removed /trees/turn_1'])
  })

  it('of a turn that may write is there before Codex is told', async () => {
    const { changes, done, finish } = openSlowTree()
    const before = changes.before(turn, { ...request, sandbox: 'workspace-write' })
    expect(done).toEqual(['begun'])
    finish()
    expect(await before).toBe(null)
    changes.sent(turn.id)
    expect(done).toEqual(['begun', 'snapshot'])
  })

  it('of a turn that may write and that an earlier life began is not taken again: its own is compared', async () => {
    const { changes, clock, done, asked } = openSlowTree({ kind: 'compared', diff: 'diff', files: ['made.txt'] })
    const writer: TurnRequest = { ...request, sandbox: 'workspace-write' }
    const stored = { root: '/x', tree: 'stored', objects: 'o' }
    const begun = { ...turn, attempts: [attempt], treeBefore: JSON.stringify(stored) }
    expect(await changes.before(begun, writer)).toBe(begun.treeBefore)
    changes.sent(turn.id)
    clock.advance(1000)
    changes.mayChange(turn.id)
    const after = await changes.after(begun, writer, { didWork: true, codexDiff: null })
    expect(after).toEqual({ diff: 'diff', error: null, warning: null })
    expect([done, asked]).toEqual([[], [stored]])
  })
})

describe('a read-only turn that an earlier life began', () => {
  const begun = { ...turn, attempts: [attempt] }
  const didWork = { didWork: true, codexDiff: null }
  const notCompared = { diff: null, error: null, warning: expect.stringMatching(/^not compared: /) as unknown }

  it('has its tree read when it goes on; that nothing differs from that proves nothing', async () => {
    const { changes, clock, done, finish } = openSlowTree({ kind: 'compared', diff: '', files: [] })
    expect(await changes.before(begun, request)).toBe(null)
    changes.sent(turn.id)
    clock.advance(250)
    finish(taken)
    await setImmediate()
    expect(done).toEqual(['begun beside', 'snapshot'])
    changes.mayChange(turn.id)
    expect(await changes.after(begun, request, didWork)).toEqual(notCompared)
  })

  it('is an error when something differs from then', async () => {
    const { changes, finish } = openSlowTree({ kind: 'compared', diff: 'diff', files: ['made.txt'] })
    await changes.before(begun, request)
    changes.mayChange(turn.id)
    finish(taken)
    expect(await changes.after(begun, request, didWork)).toMatchObject({ error: { code: 'READ_ONLY_CHANGED' } })
  })

  it('and that had ended there is said to be not compared', async () => {
    const { changes } = openSlowTree()
    expect(await changes.after(begun, request, didWork)).toEqual(notCompared)
  })

  it('has nothing to be compared outside of a repository', async () => {
    const unseen = openSlowTree(undefined, { isRepository: false })
    const nothing = { diff: null, error: null, warning: null }
    expect(await unseen.changes.after(begun, request, didWork)).toEqual(nothing)
    const { changes, finish } = openSlowTree()
    await changes.before(begun, request)
    changes.mayChange(turn.id)
    finish({ kind: 'no-repository' })
    expect(await changes.after(begun, request, didWork)).toEqual(nothing)
  })
})

describe('a read-only turn that used a tool', () => {
  const same: ChangesOutcome = { kind: 'compared', diff: '', files: [] }
  const other: ChangesOutcome = { kind: 'compared', diff: 'diff', files: ['made.txt'] }
  const didWork = { didWork: true, codexDiff: null }
  const nothing = { diff: null, error: null, warning: null }

  it('after its tree was read changed nothing when nothing differs', async () => {
    const { changes, clock, done, finish } = openSlowTree(same)
    await changes.before(turn, request)
    changes.sent(turn.id)
    clock.advance(250)
    finish(taken)
    // Whoever waits for it has been told.
    await setImmediate()
    expect(done).toEqual(['begun beside', 'snapshot'])
    changes.mayChange(turn.id)
    expect(await changes.after(turn, request, didWork)).toEqual(nothing)
  })

  it.each([
    ['while its tree was being read', 250],
    ['before its tree was read', 0],
  ])('%s is not said to have changed nothing', async (_, passedMs) => {
    const { changes, clock, finish } = openSlowTree(same)
    await changes.before(turn, request)
    changes.sent(turn.id)
    clock.advance(passedMs)
    changes.mayChange(turn.id)
    finish(taken)
    expect(await changes.after(turn, request, didWork)).toEqual({
      ...nothing,
      warning: expect.stringMatching(/^not compared: /),
    })
  })

  it('is an error all the same when something differs', async () => {
    const { changes, finish } = openSlowTree(other)
    await changes.before(turn, request)
    changes.mayChange(turn.id)
    finish(taken)
    expect(await changes.after(turn, request, didWork)).toMatchObject({
      diff: 'diff',
      error: { code: 'READ_ONLY_CHANGED' },
    })
  })
})
