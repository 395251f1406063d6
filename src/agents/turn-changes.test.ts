import { describe, expect, it } from 'vitest'
import { asAgentId, asNodeId, asTurnId, createFakeClock } from '#kernel'
import { queuedTurn } from '#store'
import { createTurnChanges } from './turn-changes.ts'
import type { TurnRequest } from './turn-request.ts'
import type { SnapshotOutcome, WorkTree } from './work-tree.ts'

const request: TurnRequest = {
  cd: '/x',
  sandbox: 'read-only',
  network: false,
  deniedCommands: [],
  model: null,
  effort: null,
  reasoning: false,
  profile: null,
  images: [],
  outputSchema: null,
  onCut: 'continue',
  returnAllMessages: false,
}

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

/** A working tree whose snapshots take until they are told to be done. */
function openSlowTree() {
  const done: string[] = []
  const taken = Promise.withResolvers<SnapshotOutcome>()
  const workTree: WorkTree = {
    snapshot: async (_cwd, _folder, pace) => {
      done.push(pace === 'beside' ? 'begun beside' : 'begun')
      const outcome = await taken.promise
      done.push('snapshot')
      return outcome
    },
    changesSince: async () => ({ kind: 'failed', reason: 'not asked for' }),
    isRepository: async () => true,
    forget: async folder => void done.push(`removed ${folder}`),
    forgetOthers: async () => undefined,
  }
  const clock = createFakeClock()
  const changes = createTurnChanges({ workTree, folder: '/trees', clock })
  return { changes, clock, done, finish: () => taken.resolve({ kind: 'failed', reason: 'slow' }) }
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

  it('of a turn that an earlier life began is not taken again', async () => {
    const { changes, clock, done } = openSlowTree()
    const attempt = { number: 1, why: 'start', clientMessageId: 'm', codexTurnId: null, startedAt: 0 } as const
    await changes.before({ ...turn, attempts: [attempt] }, request)
    changes.sent(turn.id)
    clock.advance(1000)
    changes.mayChange(turn.id)
    expect(done).toEqual([])
  })
})
