import { AppError, errorShapeOf, messageOf } from '#kernel'
import type { Clock, ErrorShape, Log, TurnId } from '#kernel'
import type { NewEvent, ProposedDiff, TurnStatus } from '#contracts'
import { usageSchema } from '#contracts'
import { updateAgent, updateTurn } from '#store'
import type { StoredEvent, TurnRow } from '#store'
import type { GitOptions } from './run-git.ts'
import { checkProposedDiff } from './proposed-diff.ts'
import type { ChangesAfter, TurnChanges } from './turn-changes.ts'
import { knownRequestOf, parseOutput } from './turn-request.ts'
import type { TurnRequest } from './turn-request.ts'
import type { RunOutcome } from './run-outcome.ts'
import type { TurnRun } from './turn-run.ts'
import { addUsage, signsOfWork } from './turn-said.ts'
import type { Said } from './turn-said.ts'
import type { TurnStore } from './turn-store.ts'

export interface ConcludeDeps {
  readonly store: TurnStore
  readonly clock: Clock
  readonly log: Log
  readonly changes: TurnChanges
  readonly git: Pick<GitOptions, 'env' | 'timeoutMs' | 'thread'>
}

export type EndedOutcome = Exclude<RunOutcome, { readonly kind: 'paused' | 'over' }>

/** Records how a turn ended, in one write: its text, what it changed, what it cost, its error. */
export async function concludeTurn(
  deps: ConcludeDeps,
  turn: TurnRow,
  run: Pick<TurnRun, 'recorder' | 'codexDiff'>,
  outcome: EndedOutcome,
): Promise<void> {
  const request = knownRequestOf(turn)
  const said = await saidIn(deps.store, turn, run, outcome)
  const changes = await changesOf(deps, turn, request, { didWork: said.didWork, codexDiff: run.codexDiff })
  const judged = judge(outcome, request, said.text, changes)
  const status = statusOf(outcome)
  const notes: NewEvent[] = changes.warning === null ? [] : [{ kind: 'warning', data: { message: changes.warning } }]
  await run.recorder.commit(
    [
      updateTurn(
        turn.id,
        {
          status,
          endedAt: deps.clock.now(),
          finalText: said.text,
          output: judged.output,
          usage: said.usage,
          diff: changes.diff,
          proposedDiff: await proposedDiffOf(deps, request, said.text),
          error: judged.error,
          ...(outcome.kind === 'interrupted' ? { cancelledBy: outcome.by } : {}),
        },
        // Only as it was read: one that waited may have been started meanwhile.
        { ifStatus: [turn.status === 'queued' ? 'queued' : 'running'] },
      ),
      updateAgent(turn.agentId, { lastActiveAt: deps.clock.now() }),
    ],
    [...notes, { kind: 'turn.ended', data: { status, error: judged.error } }],
  )
  forgetChanges(deps, turn.id)
  deps.log.info({ turnId: turn.id, status, code: judged.error?.code }, 'turn ended')
}

/** For a turn whose outcome is stored, whoever stored it. The next turn of its session need not wait until that is gone. */
export function forgetChanges({ changes, log }: Pick<ConcludeDeps, 'changes' | 'log'>, turnId: TurnId): void {
  changes.forget(turnId).catch((error: unknown) => {
    log.warn({ turnId, error: messageOf(error) }, 'the snapshot of a turn was not removed')
  })
}

/** What is only in memory yet is stored with the outcome, in the same write. */
async function saidIn(
  store: TurnStore,
  turn: TurnRow,
  { recorder }: Pick<TurnRun, 'recorder'>,
  outcome: EndedOutcome,
): Promise<Said> {
  if (recorder.hasWhole) return recorder.said({ isCompleted: outcome.kind === 'completed' })
  await recorder.settled()
  return readWhatWasSaid(store, turn, outcome)
}

function statusOf(outcome: EndedOutcome): TurnStatus {
  return outcome.kind
}

async function changesOf(
  deps: ConcludeDeps,
  turn: TurnRow,
  request: TurnRequest,
  evidence: { readonly didWork: boolean; readonly codexDiff: string | null },
): Promise<ChangesAfter> {
  try {
    return await deps.changes.after(turn, request, evidence)
  } catch (error) {
    // The answer must not be lost for want of a diff.
    return { diff: evidence.codexDiff, error: null, warning: `no diff: ${messageOf(error)}` }
  }
}

function judge(
  outcome: EndedOutcome,
  request: TurnRequest,
  text: string,
  changes: ChangesAfter,
): { readonly output: unknown; readonly error: ErrorShape | null } {
  if (outcome.kind === 'failed') return { output: null, error: errorShapeOf(outcome.error) }
  if (outcome.kind === 'interrupted') return { output: null, error: null }
  const broken = changes.error === null ? null : errorShapeOf(changes.error)
  if (request.outputSchema === null) return { output: null, error: broken }
  try {
    return { output: parseOutput(request.outputSchema, text), error: broken }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { output: null, error: broken ?? errorShapeOf(error) }
  }
}

async function proposedDiffOf(deps: ConcludeDeps, request: TurnRequest, text: string): Promise<ProposedDiff | null> {
  try {
    return await checkProposedDiff(text, { ...deps.git, cwd: request.cd })
  } catch (error) {
    deps.log.warn({ error: messageOf(error) }, 'a proposed diff was not checked')
    return null
  }
}

/**
 * Of a turn that an earlier run had begun: from its events, the same as `SaidSoFar` keeps of one that runs for the first time.
 */
async function readWhatWasSaid(store: TurnStore, turn: TurnRow, outcome: EndedOutcome): Promise<Said> {
  const kinds = ['message', 'usage', ...signsOfWork]
  const events = await store.events.after({ cursor: 0, turnId: turn.id, kinds, limit: 100_000 })
  const message = outcome.kind === 'completed' ? events.findLast(event => event.kind === 'message') : undefined
  const usages = events.filter(event => event.kind === 'usage').map(event => usageSchema.parse(event.data))
  return {
    text: textIn(message) ?? (await textSoFar(store, turn)),
    usage: usages.length === 0 ? null : usages.reduce(addUsage),
    // A command that the sandbox denied leaves no item (0.169.0), but it makes another call of the model.
    didWork: usages.length > 1 || events.some(event => signsOfWork.includes(event.kind)),
  }
}

/** What has been written of the message that is under way; the last one when none is. */
export async function textSoFar(
  store: Pick<TurnStore, 'events'>,
  turn: Pick<TurnRow, 'id' | 'nodeId'>,
): Promise<string> {
  const own = { turnId: turn.id, nodeId: turn.nodeId, limit: 100_000 }
  const done = await store.events.after({ ...own, cursor: 0, kinds: ['message'] })
  const parts = await store.events.after({ ...own, cursor: done.at(-1)?.seq ?? 0, kinds: ['text'] })
  // A message that was cut stays without its end: what counts is the one that was begun last.
  const latest = parts.at(-1)?.data['item_id']
  const written = parts.map(part => (part.data['item_id'] === latest ? (textIn(part) ?? '') : '')).join('')
  return written === '' ? (textIn(done.at(-1)) ?? '') : written
}

function textIn(event: StoredEvent | undefined): string | undefined {
  const text = event?.data['text']
  return typeof text === 'string' ? text : undefined
}
