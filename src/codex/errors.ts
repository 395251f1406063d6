import { AppError, descriptorsExhausted, messageOf } from '#kernel'

const installHint =
  'install Codex with `npm i -g @openai/codex`, or name the program as `codex.path` in the configuration'

/** `where` says it in few words; `tried` has every file. */
export const codexNotFound = (where: string, tried: readonly string[]): AppError =>
  new AppError('CODEX_NOT_FOUND', 'missing', `no codex program found ${where}`, {
    hint: installHint,
    data: { tried },
  })

export const codexNotRunnable = (path: string, cause: unknown): AppError =>
  descriptorsExhausted(cause, `starting ${path}`) ??
  new AppError('CODEX_NOT_RUNNABLE', 'unavailable', `${path} did not tell its version`, {
    hint: `run \`${path} --version\` by hand; ${installHint}`,
    data: { path },
    cause,
  })

export const codexTooOld = (version: string, path: string, oldest: string): AppError =>
  new AppError('CODEX_TOO_OLD', 'unavailable', `codex ${version} at ${path} is too old: ${oldest} or newer is needed`, {
    hint: 'update it: npm install --global @openai/codex; then: tandem restart',
    data: { version, path, oldest },
  })

export const codexUnavailable = (reason: string, cause?: unknown): AppError =>
  new AppError('CODEX_UNAVAILABLE', 'unavailable', `codex cannot be reached: ${reason}`, {
    hint: 'see `tandem status` and `tandem logs`',
    cause,
  })

export const codexBreakerOpen = (lastError: string, retryInMs: number): AppError =>
  new AppError('CODEX_BREAKER_OPEN', 'unavailable', `codex keeps crashing: ${lastError}`, {
    hint: `it is tried again in ${Math.ceil(retryInMs / 1000)} s; see what is wrong with its setup: tandem check; or why it ends, by hand: codex app-server`,
    data: { retryInMs, lastError },
  })

/** `lastError`: how an earlier try in this time has failed. */
export const codexStartTimeout = (waitedMs: number, lastError: string | null): AppError =>
  new AppError(
    'CODEX_START_TIMEOUT',
    'timeout',
    `codex was not ready within ${waitedMs} ms${lastError === null ? '' : `: ${lastError}`}`,
    {
      hint:
        lastError === null
          ? 'the machine may be busy: try again, and see `tandem logs`'
          : 'run `codex app-server` by hand to see why it does not get ready; `tandem health` says when it is',
      data: { waitedMs, ...(lastError === null ? {} : { lastError }) },
    },
  )

/** The process ended while something was asked of it: whether it was done is only known from the thread's history. */
export const codexGone = (method: string, reason: string): AppError =>
  new AppError('CODEX_GONE', 'unavailable', `codex ended during ${method}: ${reason}`, {
    hint: 'it is started again; what became of the request shows in the thread',
    data: { method },
  })

export const codexHung = (method: string, waitedMs: number): AppError =>
  new AppError('CODEX_HUNG', 'timeout', `codex answered nothing to ${method} for ${waitedMs} ms and was killed`, {
    hint: 'it is started again by the next request',
    data: { method, waitedMs },
  })

export const codexRequestTimeout = (method: string, waitedMs: number): AppError =>
  new AppError('CODEX_REQUEST_TIMEOUT', 'timeout', `codex is alive but did not answer ${method} in ${waitedMs} ms`, {
    hint: 'try again; if it stays so, see `tandem logs`',
    data: { method, waitedMs },
  })

export const codexBusy = (pending: number): AppError =>
  new AppError('CODEX_BUSY', 'busy', `${pending} requests already wait for codex`, {
    hint: 'try again in a moment',
    data: { pending },
  })

export const codexRequestFailed = (method: string, code: number, message: string): AppError =>
  new AppError('CODEX_REQUEST_FAILED', 'unavailable', `codex refused ${method}: ${message}`, {
    hint: 'codex did not accept this; its own message says why',
    data: { method, rpcCode: code },
  })

export const codexAnswerMalformed = (method: string, problem: string): AppError =>
  new AppError('CODEX_ANSWER_MALFORMED', 'unavailable', `codex answered ${method} in an unknown shape: ${problem}`, {
    hint: 'this version of Codex is probably newer than the tested one; see `tandem status`',
    data: { method },
  })

export const threadLost = (threadId: string, reason: string): AppError =>
  new AppError('CODEX_THREAD_LOST', 'missing', `codex does not have thread ${threadId}: ${reason}`, {
    hint: 'start a new session; a session that never finished its first step is not kept by Codex',
    data: { threadId },
  })

export const threadHeldElsewhere = (threadId: string): AppError =>
  new AppError('CODEX_THREAD_HELD', 'conflict', `thread ${threadId} is open in another codex process`, {
    hint: 'close the other Codex that has this session open, then try again',
    data: { threadId },
  })

export const threadArchived = (threadId: string): AppError =>
  new AppError('CODEX_THREAD_ARCHIVED', 'conflict', `thread ${threadId} is archived`, {
    hint: `run \`codex unarchive ${threadId}\` to go on in it`,
    data: { threadId },
  })

export const threadNotLoaded = (threadId: string): AppError =>
  new AppError('CODEX_THREAD_NOT_LOADED', 'conflict', `thread ${threadId} is not open in this codex process`, {
    hint: 'resume the thread first',
    data: { threadId },
  })

export const noActiveTurn = (threadId: string): AppError =>
  new AppError('CODEX_NO_ACTIVE_TURN', 'conflict', `thread ${threadId} has no running turn`, {
    hint: 'the turn has ended already',
    data: { threadId },
  })

export const wrongTurn = (threadId: string, message: string): AppError =>
  new AppError('CODEX_WRONG_TURN', 'conflict', `another turn of thread ${threadId} is running: ${message}`, {
    hint: 'look at the thread again; the turn that was meant has ended',
    data: { threadId },
  })

export const codexConfigInvalid = (message: string, path?: string, cause?: unknown): AppError =>
  new AppError('CODEX_CONFIG_INVALID', 'invalid', `codex's configuration is not valid: ${message}`, {
    hint: `correct ${path ?? "Codex's config.toml"}; Tandem never writes to it`,
    ...(path === undefined ? {} : { data: { path } }),
    cause,
  })

/** Not a turn of it: a command that must not run could. */
export const commandsUnguarded = (why: string, cause?: unknown): AppError =>
  new AppError(
    'CODEX_COMMANDS_UNGUARDED',
    'unavailable',
    `codex would not keep to commands.deny of the policy: ${why}`,
    {
      hint: 'see whether `hooks` is switched off under [features] in a config.toml of Codex; without commands.deny in policy.toml it does not matter',
      cause,
    },
  )

/** Each thread has the file, as what is denied may be another thing for its next turn. */
export const commandsUnwritten = (file: string, cause: unknown): AppError =>
  descriptorsExhausted(cause, `writing ${file}`) ??
  new AppError(
    'CODEX_COMMANDS_UNGUARDED',
    'unavailable',
    `what codex must not run could not be written down for it: ${messageOf(cause)}`,
    { hint: `see that there is room for ${file} and that it may be written, then ask again`, data: { file }, cause },
  )

export const profileMissing = (name: string, path: string): AppError =>
  new AppError('CODEX_PROFILE_MISSING', 'missing', `there is no codex profile "${name}"`, {
    hint: `create ${path}, or leave the profile out`,
    data: { name, path },
  })

export const profileInvalid = (name: string, problem: string, cause?: unknown): AppError =>
  new AppError('CODEX_PROFILE_INVALID', 'invalid', `the codex profile "${name}" is not valid: ${problem}`, {
    hint: "a profile is a file NAME.config.toml beside Codex's config.toml, with the same keys",
    data: { name },
    cause,
  })
