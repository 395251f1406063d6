import { AppError } from '#kernel'
import type { ErrorKind } from '#kernel'

export const directoryInvalid = (cd: string, why: string): AppError =>
  new AppError('CD_INVALID', 'invalid', `cd ${cd} ${why}`, {
    hint: 'pass the absolute path of a directory that exists',
    data: { cd },
  })

export const notARepository = (cd: string): AppError =>
  new AppError('CD_NOT_A_REPOSITORY', 'invalid', `${cd} is not inside a git repository`, {
    hint: 'pass skip_git_repo_check: true to work there all the same',
    data: { cd },
  })

export const imageInvalid = (path: string, why: string): AppError =>
  new AppError('IMAGE_INVALID', 'invalid', `image ${path} ${why}`, {
    hint: 'pass the path of a PNG, JPEG, GIF or WebP file of at most 20 MiB',
    data: { path },
  })

export const outputSchemaInvalid = (why: string, cause?: unknown): AppError =>
  new AppError('OUTPUT_SCHEMA_INVALID', 'invalid', `output_schema is not a usable JSON Schema: ${why}`, {
    hint: 'pass a JSON Schema of type object',
    cause,
  })

export const outputMismatch = (why: string): AppError =>
  new AppError('OUTPUT_MISMATCH', 'invalid', `the answer does not follow output_schema: ${why}`, {
    hint: 'ask again in the same session, saying what was wrong; the text of the answer is in agent_messages',
  })

export const modelUnknown = (model: string, known: readonly string[]): AppError =>
  new AppError('MODEL_UNKNOWN', 'invalid', `there is no model ${model}`, {
    hint: known.length === 0 ? 'check the name of the model' : `use one of: ${known.join(', ')}`,
    data: { model, known },
  })

export const effortUnsupported = (model: string, effort: string, supported: readonly string[]): AppError =>
  new AppError('EFFORT_UNSUPPORTED', 'invalid', `model ${model} does not know the effort ${effort}`, {
    hint: `use one of: ${supported.join(', ')}`,
    data: { model, effort, supported },
  })

export const sessionUnknown = (sessionId: string): AppError =>
  new AppError('SESSION_UNKNOWN', 'missing', `there is no session ${sessionId}`, {
    hint: '`tandem threads` lists those that there are; leave SESSION_ID out of a prompt to begin one',
    data: { session_id: sessionId },
  })

export const sessionElsewhere = (sessionId: string, nodeId: string): AppError =>
  new AppError('SESSION_ELSEWHERE', 'conflict', `session ${sessionId} belongs to another machine (${nodeId})`, {
    hint: 'go on with it there, where Codex keeps its thread; or begin a session here by leaving SESSION_ID out',
    data: { session_id: sessionId, node_id: nodeId },
  })

export const turnElsewhere = (turnId: string, nodeId: string): AppError =>
  new AppError('TURN_ELSEWHERE', 'conflict', `turn ${turnId} is worked on by another machine (${nodeId})`, {
    hint: 'do this there; from here it can be read and waited for',
    data: { turn_id: turnId, node_id: nodeId },
  })

export const noLatestSession = (cd: string): AppError =>
  new AppError('SESSION_NONE_YET', 'missing', `there is no session of this caller in ${cd} to go on in`, {
    hint: 'leave SESSION_ID out to begin one',
    data: { cd },
  })

export const sessionArchived = (sessionId: string): AppError =>
  new AppError('SESSION_ARCHIVED', 'conflict', `session ${sessionId} has been archived`, {
    hint: 'begin a new session; paste what it should know',
    data: { session_id: sessionId },
  })

export const sessionBusy = (sessionId: string, turns: number): AppError =>
  new AppError('SESSION_BUSY', 'busy', `session ${sessionId} has ${turns} turns that have not ended`, {
    hint: 'wait for them or cancel them first',
    data: { session_id: sessionId, turns },
  })

export const sessionLost = (sessionId: string): AppError =>
  new AppError('SESSION_LOST', 'missing', `Codex no longer has the session ${sessionId}`, {
    hint: 'begin a new session; the earlier answers are still in `tandem thread`',
    data: { session_id: sessionId },
  })

export const profileFixed = (sessionId: string, profile: string | null): AppError =>
  new AppError(
    'PROFILE_FIXED',
    'conflict',
    `session ${sessionId} has ${profile === null ? 'no profile' : `the profile ${profile}`}`,
    {
      hint: 'a profile is chosen with the first prompt of a session: begin a new one, or leave the profile out',
      data: { session_id: sessionId, profile },
    },
  )

export const turnUnknown = (turnId: string): AppError =>
  new AppError('TURN_UNKNOWN', 'missing', `there is no turn ${turnId}`, {
    hint: '`tandem turns` lists those that there are',
    data: { turn_id: turnId },
  })

export const turnNotRunning = (turnId: string, status: string): AppError =>
  new AppError('TURN_NOT_RUNNING', 'conflict', `turn ${turnId} is ${status}, not running`, {
    hint: status === 'queued' ? 'wait until it has started' : 'ask in the same session instead',
    data: { turn_id: turnId, status },
  })

export const idempotencyConflict = (key: string, turnId: string): AppError =>
  new AppError('IDEMPOTENCY_CONFLICT', 'conflict', `the idempotency key ${key} was used for another input`, {
    hint: `use a new key, or read the turn that it belongs to: ${turnId}`,
    data: { key, turn_id: turnId },
  })

export const queueFull = (limit: number): AppError =>
  new AppError('TURN_QUEUE_FULL', 'busy', `${limit} turns are waiting already`, {
    hint: 'wait for some to end, or raise turns.max_queued',
    data: { limit },
  })

export const daemonStopping = (): AppError =>
  new AppError('DAEMON_STOPPING', 'unavailable', 'the daemon is stopping and takes no new work', {
    hint: 'try again in a moment: the next call starts it',
  })

/* What a turn can end with. */

export const queuedTooLong = (ms: number): AppError =>
  new AppError('TURN_QUEUED_TOO_LONG', 'timeout', `the turn had not started after ${ms} ms`, {
    hint: 'see `tandem turns --status running` for what is before it, or raise turns.queued_timeout_ms',
    data: { ms },
  })

export const noFirstEvent = (ms: number): AppError =>
  new AppError('TURN_NO_FIRST_EVENT', 'timeout', `the model gave no sign of life within ${ms} ms`, {
    hint: 'check that its provider answers, then ask again in the same session',
    data: { ms },
  })

export const silence = (ms: number): AppError =>
  new AppError('TURN_SILENT', 'timeout', `nothing happened in the turn for ${ms} ms; it was interrupted`, {
    hint: 'ask again in the same session, or raise turns.silence_timeout_ms',
    data: { ms },
  })

export const retryingTooLong = (ms: number, last: string): AppError =>
  new AppError('TURN_UPSTREAM_RETRYING', 'unavailable', `the model's provider was retried for ${ms} ms: ${last}`, {
    hint: 'check that the provider can be reached, then ask again in the same session',
    data: { ms, last },
  })

export const tookTooLong = (ms: number): AppError =>
  new AppError('TURN_TOO_LONG', 'timeout', `the turn was not over after ${ms} ms; it was interrupted`, {
    hint: 'ask again in the same session to go on, or raise turns.total_timeout_ms',
    data: { ms },
  })

export const turnCut = (reason: string): AppError =>
  new AppError('TURN_CUT', 'unavailable', `the turn was cut by a crash and not continued: ${reason}`, {
    hint: 'what it had written is in agent_messages; ask again in the same session to go on',
    data: { reason },
  })

export const turnUnreadable = (turnId: string, cause: unknown): AppError =>
  new AppError('TURN_UNREADABLE', 'invalid', `what turn ${turnId} was asked for cannot be read`, {
    hint: 'it was stored by another version or changed by hand: ask again',
    data: { turn_id: turnId },
    cause,
  })

export const readOnlyChanged = (files: readonly string[]): AppError =>
  new AppError(
    'READ_ONLY_CHANGED',
    'denied',
    `files changed during a read-only turn: ${files.slice(0, 20).join(', ')}`,
    {
      hint: 'look at diff; if it was you or another program, the answer is good all the same',
      data: { files: files.slice(0, 200) },
    },
  )

/* What Codex reports of its upstream, by the name that it gives (`codexErrorInfo`, app-server protocol 0.169.0). */

type UpstreamFailure = (message: string, codexError: string | null) => AppError

const upstreamFailure =
  (code: string, kind: ErrorKind, hint: string): UpstreamFailure =>
  (message, codexError) =>
    new AppError(code, kind, message, { hint, ...(codexError === null ? {} : { data: { codex_error: codexError } }) })

const again = 'ask again in the same session'
const unreachable = upstreamFailure(
  'UPSTREAM_UNREACHABLE',
  'unavailable',
  `the model's provider kept failing: check it, then ${again}`,
)

export const upstreamFailures = {
  unauthorized: upstreamFailure(
    'UPSTREAM_UNAUTHORIZED',
    'denied',
    "run `codex login`, or check the API key in the daemon's environment",
  ),
  usageLimitExceeded: upstreamFailure(
    'UPSTREAM_USAGE_LIMIT',
    'busy',
    'the plan is used up: wait for its reset (`tandem status` shows when)',
  ),
  rateLimitExceeded: upstreamFailure('UPSTREAM_RATE_LIMITED', 'busy', `wait a moment, then ${again}`),
  contextWindowExceeded: upstreamFailure(
    'CONTEXT_TOO_LONG',
    'invalid',
    'the session is full: begin a new one with a summary',
  ),
  serverOverloaded: upstreamFailure('UPSTREAM_OVERLOADED', 'busy', `wait a moment, then ${again}`),
  modelNotFound: upstreamFailure('MODEL_UNKNOWN', 'invalid', 'check the name of the model'),
  badRequest: upstreamFailure('UPSTREAM_REJECTED', 'invalid', 'the provider refused the request: its message says why'),
  internalServerError: upstreamFailure('UPSTREAM_FAILED', 'unavailable', again),
  sandboxError: upstreamFailure(
    'CODEX_SANDBOX_FAILED',
    'unavailable',
    'check that sandboxes work here: `codex sandbox linux true`',
  ),
  responseStreamDisconnected: upstreamFailure('UPSTREAM_CUT', 'unavailable', `the provider cut its answer: ${again}`),
  httpConnectionFailed: unreachable,
  responseStreamConnectionFailed: unreachable,
  responseTooManyFailedAttempts: unreachable,
  other: upstreamFailure('CODEX_TURN_FAILED', 'unavailable', 'see `tandem events --turn` for what led to it'),
} as const satisfies Readonly<Record<string, UpstreamFailure>>

/** The `env_key` of its provider is not in the environment of Codex. */
export const providerKeyMissing = (message: string, variable: string): AppError =>
  new AppError('PROVIDER_KEY_MISSING', 'missing', message, {
    hint: `Codex was started without it; where it is set: tandem restart; else: export ${variable}=…; tandem restart`,
    data: { name: variable },
  })

/** The store has been away for so long that what a turn says does not fit into memory any more. */
export const recordTooLong = (maxChars: number): AppError =>
  new AppError('STORE_BUSY', 'busy', `more than ${maxChars} characters of one turn are waiting for the store`, {
    hint: 'see why nothing can be written: tandem health',
    data: { max_chars: maxChars },
  })
