import type { CodexTurn } from '#codex'
import type { Attempt } from '#store'

/** A turn in a thread's history, as far as the decision needs it. */
export interface HistoryTurn {
  readonly codexTurnId: string
  readonly status: 'completed' | 'failed' | 'interrupted' | 'running'
  /** `clientUserMessageId` of each user message in it. */
  readonly clientMessageIds: readonly string[]
  /** Its last item is a message that the model itself called its final answer. */
  readonly isAnswered: boolean
}

export function historyTurnOf(turn: CodexTurn): HistoryTurn {
  const { codexTurnId, status, clientMessageIds, items } = turn
  const last = items.at(-1)
  const isAnswered = last?.kind === 'agent-message' && last.phase === 'final_answer'
  return { codexTurnId, status, clientMessageIds, isAnswered }
}

export type Decision =
  /** Codex finished it: take its result. */
  | { readonly kind: 'adopt'; readonly codexTurnId: string; readonly reason: string }
  /** Codex has it, cut: one more turn that goes on. */
  | { readonly kind: 'continue'; readonly reason: string }
  /** Codex never saw it: the same prompt again. */
  | { readonly kind: 'rerun'; readonly reason: string }
  /** A person had cancelled it. */
  | { readonly kind: 'interrupt'; readonly reason: string }
  /** It was cut, and may not or cannot be continued. */
  | { readonly kind: 'fail'; readonly reason: string }

export interface OpenTurn {
  readonly attempts: readonly Attempt[]
  readonly onCut: 'continue' | 'fail'
  readonly cancelledBy: string | null
  /** We recorded something that Codex did in the last attempt: a message, a command, a change. */
  readonly didSomething: boolean
  readonly maxContinuations: number
  /** It was cut because we stopped, not by a crash: that is no reason to give it up. */
  readonly wasPaused: boolean
}

/**
 * What becomes of a turn whose Codex is gone. Pure: the same history gives the same decision, however often it is asked.
 * `history` is undefined when Codex has lost the thread itself.
 */
export function decide(turn: OpenTurn, history: readonly HistoryTurn[] | undefined): Decision {
  const last = turn.attempts.at(-1)
  const seen = last === undefined ? undefined : entryOf(history ?? [], last)
  const finished = seen === undefined ? undefined : finishOf(seen)
  if (seen !== undefined && finished !== undefined)
    return { kind: 'adopt', codexTurnId: seen.codexTurnId, reason: `Codex's history has ${finished}` }
  if (turn.cancelledBy !== null) return { kind: 'interrupt', reason: `it had been cancelled by ${turn.cancelledBy}` }
  if (last === undefined) return { kind: 'rerun', reason: 'it had not been sent to Codex' }
  // A turn that is there without its message never reached the model: Codex was killed before it wrote that down (0.169.0).
  if (seen?.clientMessageIds.includes(last.clientMessageId)) return decideCut(turn, "Codex's history has it as cut")
  if (turn.didSomething) return decideCut(turn, "it had begun, but is not in Codex's history")
  return {
    kind: 'rerun',
    reason: history === undefined ? 'Codex has lost the session' : "it is not in Codex's history",
  }
}

/** How Codex finished the turn, if it did. */
function finishOf(entry: HistoryTurn): string | undefined {
  if (entry.status === 'completed' || entry.status === 'failed') return `it as ${entry.status}`
  // Killed between its last message and the word that the turn is complete: 0.169.0 calls it interrupted.
  return entry.isAnswered ? 'its final answer' : undefined
}

/** The message says for sure whose entry it is; one without any is known by the turn id that Codex gave. */
function entryOf(history: readonly HistoryTurn[], attempt: Attempt): HistoryTurn | undefined {
  return (
    history.findLast(entry => entry.clientMessageIds.includes(attempt.clientMessageId)) ??
    history.findLast(entry => entry.codexTurnId === attempt.codexTurnId)
  )
}

function decideCut(turn: OpenTurn, cut: string): Decision {
  if (turn.onCut === 'fail') return { kind: 'fail', reason: `${cut}, and its caller wants no continuation` }
  const continuations = turn.attempts.filter(attempt => attempt.why === 'continue').length
  if (continuations >= turn.maxContinuations && !turn.wasPaused)
    return { kind: 'fail', reason: `${cut}, after ${continuations} continuations` }
  return { kind: 'continue', reason: cut }
}

/** What Codex is told when it goes on with a cut turn. With `prompt` when the thread does not have the task any more. */
export function continuationPrompt(prompt: string | undefined): string {
  const opening = [
    'The previous turn was cut off by a crash of the program around you, not by the user.',
    'Part of its work may be done. First check the state of the files and of anything that was running;',
    'do not repeat what is done already. Then finish the task and give the complete answer, as if it had not been cut.',
  ].join(' ')
  return prompt === undefined ? opening : `${opening}\n\nThe task was:\n\n${prompt}`
}
