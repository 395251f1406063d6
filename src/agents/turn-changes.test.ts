import { describe, expect, it } from 'vitest'
import { asAgentId, asNodeId, asTurnId } from '#kernel'
import { queuedTurn } from '#store'
import { createTurnChanges } from './turn-changes.ts'
import type { TurnRequest } from './turn-request.ts'
import type { SnapshotOutcome, WorkTree } from './work-tree.ts'

const request: TurnRequest = {
  cd: '/x',
  sandbox: 'read-only',
  network: false,
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
    snapshot: async () => {
      done.push('begun')
      const outcome = await taken.promise
      done.push('snapshot')
      return outcome
    },
    changesSince: async () => ({ kind: 'failed', reason: 'not asked for' }),
    isRepository: async () => true,
    forget: async folder => void done.push(`removed ${folder}`),
    forgetOthers: async () => undefined,
  }
  return { workTree, done, finish: () => taken.resolve({ kind: 'failed', reason: 'slow' }) }
}

describe('the snapshot of a turn', () => {
  it('that is still under way is waited for before its folder is removed', async () => {
    const { workTree, done, finish } = openSlowTree()
    const changes = createTurnChanges({ workTree, folder: '/trees' })
    await changes.before(turn, request)
    changes.sent(turn.id)
    const forgotten = changes.forget(turn.id)
    finish()
    await forgotten
    expect(done).toEqual(['begun', 'snapshot', 'removed /trees/turn_1'])
  })

  it('of a read-only turn is begun when Codex was told, once, and nobody waits for it', async () => {
    const { workTree, done } = openSlowTree()
    const changes = createTurnChanges({ workTree, folder: '/trees' })
    expect(await changes.before(turn, request)).toBe(null)
    expect(done).toEqual([])
    changes.sent(turn.id)
    changes.sent(turn.id)
    expect(done).toEqual(['begun'])
  })

  it('of a turn that may write is there before Codex is told', async () => {
    const { workTree, done, finish } = openSlowTree()
    const changes = createTurnChanges({ workTree, folder: '/trees' })
    const before = changes.before(turn, { ...request, sandbox: 'workspace-write' })
    expect(done).toEqual(['begun'])
    finish()
    expect(await before).toBe(null)
    changes.sent(turn.id)
    expect(done).toEqual(['begun', 'snapshot'])
  })

  it('of a turn that an earlier life began is not taken again', async () => {
    const { workTree, done } = openSlowTree()
    const changes = createTurnChanges({ workTree, folder: '/trees' })
    const attempt = { number: 1, why: 'start', clientMessageId: 'm', codexTurnId: null, startedAt: 0 } as const
    await changes.before({ ...turn, attempts: [attempt] }, request)
    changes.sent(turn.id)
    expect(done).toEqual([])
  })
})
