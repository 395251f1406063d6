import type { TurnId } from '#kernel'
import type { CodexTurn } from '#codex'
import type { TurnRow } from '#store'
import { didSomething } from './attempts.ts'
import type { NextStep } from './attempts.ts'
import { codexFailure } from './codex-failure.ts'
import { turnCut } from './errors.ts'
import { itemNoteOf } from './event-notes.ts'
import { decide, historyTurnOf } from './reconcile.ts'
import type { RunOutcome } from './run-outcome.ts'
import type { OpenedThread } from './thread-opener.ts'
import { noReason } from './turn-attempt.ts'
import type { TurnRecorder } from './turn-recorder.ts'
import type { TurnRequest } from './turn-request.ts'
import type { TurnStore } from './turn-store.ts'

export interface RecoveryDeps {
  readonly store: Pick<TurnStore, 'events'>
  readonly recorder: Pick<TurnRecorder, 'commit'>
  readonly maxContinuations: number
}

/** What is to be done with a turn now that its thread is open; for one that had begun, the decision is recorded. */
export async function nextStep(
  deps: RecoveryDeps,
  { turn, request }: { readonly turn: TurnRow; readonly request: TurnRequest },
  opened: OpenedThread,
): Promise<NextStep> {
  if (turn.attempts.length === 0) return { kind: 'start' }
  const decision = decide(
    {
      attempts: turn.attempts,
      onCut: request.onCut,
      cancelledBy: turn.cancelledBy,
      didSomething: await didSomething(deps.store, turn),
      maxContinuations: deps.maxContinuations,
      wasPaused: turn.pausedAt !== null,
    },
    opened.wasReplaced ? undefined : (opened.history ?? []).map(historyTurnOf),
  )
  const data = { decision: decisionNames[decision.kind], reason: decision.reason }
  await deps.recorder.commit([], [{ kind: 'turn.reconciled', data }])
  return decision
}

/** The outcome of a step that needs no further turn of Codex. */
export async function settle(
  deps: RecoveryDeps,
  turn: TurnRow,
  opened: OpenedThread,
  step: NextStep,
): Promise<RunOutcome | undefined> {
  if (step.kind === 'interrupt') return { kind: 'interrupted', by: turn.cancelledBy ?? 'a person' }
  if (step.kind === 'fail') return { kind: 'failed', error: turnCut(step.reason) }
  if (step.kind !== 'adopt') return undefined
  return adopt(
    deps,
    turn.id,
    opened.history?.findLast(entry => entry.codexTurnId === step.codexTurnId),
  )
}

/** Takes over what Codex finished while nobody listened: the items that have no record yet. */
async function adopt(deps: RecoveryDeps, turnId: TurnId, entry: CodexTurn | undefined): Promise<RunOutcome> {
  if (entry === undefined) return { kind: 'failed', error: turnCut('its history went away while it was read') }
  const known = await deps.store.events.after({ cursor: 0, turnId, kinds: itemKinds, limit: 10_000 })
  const seen = new Set(known.map(event => event.data['item_id']))
  const notes = entry.items.filter(item => !seen.has(item.id)).map(itemNoteOf)
  await deps.recorder.commit(
    [],
    notes.filter(note => note !== null),
  )
  if (entry.status === 'failed') return { kind: 'failed', error: codexFailure(entry.error ?? noReason) }
  return { kind: 'completed' }
}

const decisionNames = {
  adopt: 'adopted',
  continue: 'continued',
  rerun: 'rerun',
  interrupt: 'interrupted',
  fail: 'failed',
} as const

const itemKinds = ['message', 'reasoning', 'plan', 'command.ended', 'files.changed', 'tool']
