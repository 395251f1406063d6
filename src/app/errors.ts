import { AppError, shellQuote } from '#kernel'

/** sysexits(3): what the supervisor and service managers read. */
export const exitCodes = { ok: 0, software: 70, stopFailed: 71, alreadyRunning: 75, configuration: 78 } as const

export const configInvalid = (file: string, problem: string, cause: unknown): AppError =>
  new AppError('CONFIG_INVALID', 'invalid', `${file}: ${problem}`, {
    hint: 'correct it; docs/configuration.md lists every member',
    data: { file },
    cause,
  })

export const directoryRelative = (variable: string, value: string, absolute: string): AppError =>
  new AppError(
    'DIRECTORY_RELATIVE',
    'invalid',
    `${variable} is ${JSON.stringify(value)}, which is another directory in each one that a command is run in`,
    { hint: `make it absolute: export ${variable}=${shellQuote(absolute)}`, data: { variable, value } },
  )

export const policyNotByAgent = (variable: string): AppError =>
  new AppError(
    'POLICY_NOT_BY_AGENT',
    'denied',
    `the policy is not changed from within an agent's shell (${variable} is set)`,
    {
      hint: 'ask the person: they run this command in a terminal of their own',
      data: { variable },
    },
  )

export const policyNotEditable = (file: string, lines: readonly string[]): AppError =>
  new AppError('POLICY_NOT_EDITABLE', 'conflict', `${file} is written in a way that is not edited here`, {
    hint: `write it yourself: ${lines.join('; ')}`,
    data: { file, lines },
  })

export const alreadyRunning = (pid: number | undefined, lockFile: string): AppError =>
  new AppError(
    'DAEMON_ALREADY_RUNNING',
    'conflict',
    `a daemon is running already${pid === undefined ? '' : ` (pid ${pid})`}`,
    {
      hint: 'look at it: tandem status; or stop it: tandem down',
      data: { lock_file: lockFile, ...(pid === undefined ? {} : { pid }) },
    },
  )

export const storeInUse = (cause: unknown): AppError =>
  new AppError('STORE_IN_USE', 'conflict', 'a daemon works with the store of this state directory', {
    hint: 'stop it first: tandem down',
    cause,
  })

export const lockUnusable = (lockFile: string, cause: unknown, reason: string): AppError =>
  new AppError('LOCK_UNUSABLE', 'unavailable', `cannot lock ${lockFile}: ${reason}`, {
    hint: 'set TANDEM_STATE_DIR to a directory on a local disk that has room',
    data: { lock_file: lockFile },
    cause,
  })

export const socketOccupied = (path: string, problem: string, cure: string): AppError =>
  new AppError('SOCKET_OCCUPIED', 'conflict', `${path} ${problem}`, { hint: cure, data: { path, problem } })

export const socketPathTooLong = (path: string, bytes: number, max: number): AppError =>
  new AppError('SOCKET_PATH_TOO_LONG', 'invalid', `${path} has ${bytes} bytes; a socket may have ${max}`, {
    hint: 'set TANDEM_RUNTIME_DIR to a shorter directory of your own, for example: export TANDEM_RUNTIME_DIR=~/.tandem-run',
    data: { path, bytes, max },
  })

export const httpTokenUnsafe = (file: string, problem: string, cure: string): AppError =>
  new AppError('HTTP_TOKEN_UNSAFE', 'denied', `${file} ${problem}`, { hint: cure, data: { file, problem } })

/** Without the reason, which names files of ours: that is in the log. */
export const httpMcpNotLoaded = (cause: unknown): AppError =>
  new AppError('HTTP_MCP_NOT_LOADED', 'unavailable', 'MCP over HTTP could not be loaded', {
    hint: 'tandem logs says why; when Tandem was updated while it ran: tandem restart',
    cause,
  })

export const httpStopping = (): AppError =>
  new AppError('DAEMON_STOPPING', 'unavailable', 'the daemon is stopping', {
    hint: 'turns are stored and go on with the next daemon: tandem up',
  })

/** As the HTTP door says it when it opens. */
export const portInUse = (port: number, reason: string, cause: unknown): AppError =>
  new AppError('HTTP_PORT_TAKEN', 'conflict', `127.0.0.1:${port} cannot be listened on: ${reason}`, {
    hint: `see which program has it (ss -ltnp 'sport = :${port}') and end it, or set another http.port in config.toml`,
    data: { port },
    cause,
  })

/** A start that failed is not tried again by the supervisor: a person, or the next client, decides. */
export const exitCodeOfStart = (error: unknown): number =>
  error instanceof AppError && error.code === 'DAEMON_ALREADY_RUNNING'
    ? exitCodes.alreadyRunning
    : exitCodes.configuration
