import {
  codexConfigInvalid,
  codexRequestFailed,
  noActiveTurn,
  threadArchived,
  threadHeldElsewhere,
  threadLost,
  threadNotLoaded,
  wrongTurn,
} from './errors.ts'
import type { AppError } from '#kernel'

/**
 * Codex's refusals all come with code -32600 (some -32601, -32603): only the text tells them apart. The texts are those of
 * 0.169.0; one that is not known stays CODEX_REQUEST_FAILED with Codex's own words.
 */
export function refusalOf(
  method: string,
  params: object,
  refusal: { readonly code: number; readonly message: string },
): AppError {
  const { code, message } = refusal
  const threadId = 'threadId' in params && typeof params.threadId === 'string' ? params.threadId : ''
  const known = texts.find(([pattern]) => pattern.test(message))
  return known === undefined ? codexRequestFailed(method, code, message) : known[1](threadId, message)
}

const configRefusal =
  /^(?:failed to load configuration|failed to read configuration layers|failed to resolve [\w ]+|invalid configuration): /

const texts: readonly (readonly [RegExp, (threadId: string, message: string) => AppError])[] = [
  [/no rollout found|^thread not loaded|is not materialized yet|rollout at .* is empty|invalid session id/, threadLost],
  [/already has an active writer/, threadId => threadHeldElsewhere(threadId)],
  [/^session \S+ is archived/, threadArchived],
  [/^thread not found/, threadNotLoaded],
  [/^no active turn to/, noActiveTurn],
  [/^expected active turn id/, wrongTurn],
  [configRefusal, (_, message) => codexConfigInvalid(message.replace(configRefusal, '').trim())],
]
