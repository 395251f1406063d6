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
    const forgotten = changes.forget(turn.id)
    finish()
    await forgotten
    expect(done).toEqual(['snapshot', 'removed /trees/turn_1'])
  })
})
