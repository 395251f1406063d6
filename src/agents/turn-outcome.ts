import { AppError, errorShapeOf, messageOf } from '#kernel'
import type { Clock, ErrorShape, Log } from '#kernel'
import type { NewEvent, ProposedDiff, TurnStatus, Usage } from '#contracts'
import { usageSchema } from '#contracts'
import { updateAgent, updateTurn } from '#store'
import type { Store, StoredEvent, TurnRow } from '#store'
import type { GitOptions } from './run-git.ts'
import { checkProposedDiff } from './proposed-diff.ts'
import type { ChangesAfter, TurnChanges } from './turn-changes.ts'
import { knownRequestOf, parseOutput } from './turn-request.ts'
import type { TurnRequest } from './turn-request.ts'
import type { RunOutcome } from './run-outcome.ts'
import type { TurnRun } from './turn-run.ts'

export interface ConcludeDeps {
  readonly store: Store
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
  await run.recorder.settled()
  const request = knownRequestOf(turn)
  const said = await readWhatWasSaid(deps.store, turn, outcome)
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
  // The next turn of its session need not wait until that is gone.
  void deps.changes.forget(turn.id).catch((error: unknown) => {
    deps.log.warn({ turnId: turn.id, error: messageOf(error) }, 'the snapshot of a turn was not removed')
  })
  deps.log.info({ turnId: turn.id, status, code: judged.error?.code }, 'turn ended')
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

interface Said {
  readonly text: string
  readonly usage: Usage | null
  /** Codex used a tool, or may have. */
  readonly didWork: boolean
}

/**
 * From the events, so that it is the same after a crash. The text is the last message; of a turn that did not complete,
 * what it had written of the next one.
 */
async function readWhatWasSaid(store: Store, turn: TurnRow, outcome: EndedOutcome): Promise<Said> {
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

/** The last one: a crash may have swallowed the record of a command. */
const signsOfWork: readonly string[] = ['command.started', 'command.ended', 'files.changed', 'tool', 'turn.reconciled']

/** What has been written of the message that is under way; the last one when none is. */
export async function textSoFar(store: Pick<Store, 'events'>, turn: Pick<TurnRow, 'id' | 'nodeId'>): Promise<string> {
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

function addUsage(sum: Usage, next: Usage): Usage {
  return {
    input_tokens: sum.input_tokens + next.input_tokens,
    cached_input_tokens: sum.cached_input_tokens + next.cached_input_tokens,
    output_tokens: sum.output_tokens + next.output_tokens,
    reasoning_output_tokens: sum.reasoning_output_tokens + next.reasoning_output_tokens,
    total_tokens: sum.total_tokens + next.total_tokens,
    model_context_window: next.model_context_window ?? sum.model_context_window,
  }
}
