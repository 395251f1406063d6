import type { Attempt, TurnRow } from '#store'
import type { CodexTurn } from '#codex'
import type { Decision } from './reconcile.ts'
import type { TurnStore } from './turn-store.ts'

export type NextStep = Decision | { readonly kind: 'start' }

/** A rerun keeps its attempt's number and message id: Codex never saw it, so it is the same attempt. */
export function nextAttempt(turn: Pick<TurnRow, 'id' | 'attempts'>, step: NextStep, now: number): Attempt {
  const last = turn.attempts.at(-1)
  if (step.kind === 'continue') {
    const number = (last?.number ?? 0) + 1
    return { number, clientMessageId: `${turn.id}.${number}`, why: 'continue', codexTurnId: null, startedAt: now }
  }
  if (last === undefined)
    return { number: 1, clientMessageId: turn.id, why: 'start', codexTurnId: null, startedAt: now }
  return { ...last, why: last.why === 'continue' ? 'continue' : 'rerun', codexTurnId: null, startedAt: now }
}

/** Whether Codex has the task itself in the thread, so that a continuation need not repeat it. */
export function isInHistory(
  history: readonly Pick<CodexTurn, 'clientMessageIds'>[] | undefined,
  turn: Pick<TurnRow, 'id'>,
): boolean {
  return history?.some(entry => entry.clientMessageIds.includes(turn.id)) ?? false
}

/** Whether there is a record of something that Codex did in the last attempt: a message, a command, a change. */
export async function didSomething(store: Pick<TurnStore, 'events'>, turn: TurnRow): Promise<boolean> {
  const where = { turnId: turn.id, cursor: 0 }
  const starts = await store.events.after({ ...where, kinds: ['turn.started'], limit: maxStarts })
  // The start of an attempt is recorded before everything that came of it.
  const start = starts.find(event => event.data['attempt'] === turn.attempts.at(-1)?.number)
  if (start === undefined) return false
  const did = await store.events.after({ ...where, cursor: start.seq, kinds: workKinds, limit: 1 })
  return did.length > 0
}

/** More than there can be rounds in all lives of a turn. */
const maxStarts = 10_000

/** Kinds of events that show that Codex did something in a turn. */
const workKinds = ['message', 'text', 'reasoning', 'command.started', 'command.ended', 'files.changed', 'tool']
