import type { TurnInput } from '#codex'
import type { Attempt, TurnRow } from '#store'
import { isInHistory } from './attempts.ts'
import type { ModelChoice } from './model-choice.ts'
import type { PolicyGrant } from './policy/policy-guard.ts'
import { continuationPrompt } from './reconcile.ts'
import type { OpenedThread } from './thread-opener.ts'
import type { TurnRequest } from './turn-request.ts'

/** What Codex is given for one attempt of a turn. */
export function turnInputOf(
  { turn, request }: { readonly turn: TurnRow; readonly request: TurnRequest },
  of: {
    readonly attempt: Attempt
    readonly opened: OpenedThread
    readonly grant: PolicyGrant
    readonly choice: ModelChoice
  },
): TurnInput {
  const { attempt, opened } = of
  const isContinuation = attempt.why === 'continue'
  const task = isInHistory(opened.history, turn) ? undefined : turn.prompt
  return {
    threadId: opened.threadId,
    clientMessageId: attempt.clientMessageId,
    text: isContinuation ? continuationPrompt(task) : turn.prompt,
    images: isContinuation ? [] : request.images,
    cwd: request.cd,
    sandbox: request.sandbox,
    ...of.grant,
    ...of.choice,
    summary: request.reasoning ? 'auto' : 'none',
    outputSchema: request.outputSchema ?? undefined,
  }
}
