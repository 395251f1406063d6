import { AppError, messageOf, shellQuote } from '#kernel'
import type { Places } from '#contracts'

export const daemonNotRunning = (places: Places): AppError =>
  new AppError('DAEMON_NOT_RUNNING', 'unavailable', 'the daemon is not running', {
    hint: 'start it: tandem up',
    data: { socket: places.socketPath },
  })

export const daemonStartTimeout = (places: Places, waitedMs: number, last: unknown): AppError =>
  new AppError(
    'DAEMON_START_TIMEOUT',
    'timeout',
    `the daemon did not answer within ${waitedMs} ms (${messageOf(last)}); its log is ${places.logFile}`,
    {
      hint: 'see why: tandem check; tandem logs',
      data: { waited_ms: waitedMs, log_file: places.logFile },
      cause: last,
    },
  )

export const daemonSuspended = (pid: number): AppError =>
  new AppError('DAEMON_SUSPENDED', 'unavailable', `the daemon (pid ${pid}) was stopped by a signal and does nothing`, {
    hint: `let it go on: kill -CONT ${pid}; or end it and start another: tandem restart`,
    data: { pid },
  })

export const daemonUnreachable = (places: Places, pid: number, waitedMs: number): AppError =>
  new AppError(
    'DAEMON_UNREACHABLE',
    'unavailable',
    `the daemon (pid ${pid}) runs, but nothing listens at ${places.socketPath} after ${waitedMs} ms`,
    {
      hint: 'start it anew: tandem restart',
      data: { pid, socket: places.socketPath, waited_ms: waitedMs },
    },
  )

/** By a program that is no daemon. */
export const lockHeld = (lockFile: string, pid: number): AppError =>
  new AppError('LOCK_HELD', 'conflict', `another program (pid ${pid}) holds ${lockFile}, and no daemon can start`, {
    hint: `see which it is: ps -fp ${pid}; let it end, or end it: kill ${pid}; then: tandem up`,
    data: { lock_file: lockFile, pid },
  })

/** By a program of ours that ends by itself. */
export const lockHeldByCopy = (lockFile: string, pid: number): AppError =>
  new AppError('LOCK_HELD', 'conflict', `tandem store copy (pid ${pid}) works, and no daemon can start meanwhile`, {
    hint: 'wait for its end; then: tandem up',
    data: { lock_file: lockFile, pid },
  })

export const daemonOutOfDescriptors = (pid: number): AppError =>
  new AppError(
    'DESCRIPTORS_EXHAUSTED',
    'busy',
    `the daemon (pid ${pid}) has as many files open as it may, and takes no further client`,
    {
      hint: 'end some clients, then try again; for a higher limit of the daemon: ulimit -n 65536; tandem restart',
      data: { pid },
    },
  )

export const unsafeSocket = (path: string, problem: string, cure: string): AppError =>
  new AppError('DAEMON_UNSAFE_SOCKET', 'denied', `${path} ${problem}, so what listens there may not be ours`, {
    hint: cure,
    data: { path, problem },
  })

export const foreignListener = (path: string): AppError =>
  new AppError('SOCKET_FOREIGN', 'unavailable', `something that is not the daemon listens at ${path}`, {
    hint: `find it: fuser ${shellQuote(path)}; end it; then: tandem up`,
    data: { path },
  })

/** Two state directories cannot have one runtime directory. */
export const daemonOfOtherState = (
  path: string,
  pid: number,
  directories: { readonly own: string; readonly other: string },
): AppError =>
  new AppError(
    'DAEMON_OF_OTHER_STATE',
    'conflict',
    `the daemon at ${path} (pid ${pid}) works with ${directories.other}, not with ${directories.own}`,
    {
      hint: `give this state directory a runtime directory of its own: export TANDEM_RUNTIME_DIR=${shellQuote(`${directories.own}/run`)}; or name that one: export TANDEM_STATE_DIR=${shellQuote(directories.other)}`,
      data: { path, pid, own: directories.own, other: directories.other },
    },
  )

export const helloUnanswered = (path: string, waitedMs: number): AppError =>
  new AppError('DAEMON_HELLO_UNANSWERED', 'unavailable', `nothing greeted back at ${path} within ${waitedMs} ms`, {
    hint: 'the machine may be busy: try again, and see `tandem logs`',
    data: { path, waited_ms: waitedMs },
  })

export const connectionLost = (cause?: unknown): AppError =>
  new AppError('DAEMON_CONNECTION_LOST', 'unavailable', 'the connection to the daemon was lost', {
    hint: 'look at what became of it: tandem status; tandem turns',
    cause,
  })

export const clientClosed = (): AppError =>
  new AppError('CLIENT_CLOSED', 'unavailable', 'this client was closed', { hint: 'make a new one' })

export const answerInvalid = (verb: string, problem: string): AppError =>
  new AppError('DAEMON_ANSWER_INVALID', 'bug', `the daemon's answer to ${verb} is not understood: ${problem}`, {
    hint: 'use the same version of Tandem everywhere, then restart the daemon: tandem restart',
  })

export const daemonWillNotStop = (pid: number | null, places: Places): AppError =>
  new AppError('DAEMON_WILL_NOT_STOP', 'timeout', `the daemon${pid === null ? '' : ` (pid ${pid})`} did not stop`, {
    hint:
      pid === null
        ? `find what holds ${places.lockFile}: fuser ${shellQuote(places.lockFile)}`
        : `make sure that it is Tandem (ps -fp ${pid}), then end it: kill -9 ${pid}`,
    data: { pid, lock_file: places.lockFile },
  })

/** In a container that shares our directories, so that neither its end can be seen nor a signal be sent. */
export const daemonNotVisible = (places: Places): AppError =>
  new AppError('DAEMON_WILL_NOT_STOP', 'timeout', 'the daemon did not stop, and its process is not visible here', {
    hint: 'if it runs in a container, stop it there: tandem down; see how it is: tandem check',
    data: { pid: null, lock_file: places.lockFile },
  })

export const supervisorWillNotStop = (pid: number): AppError =>
  new AppError('DAEMON_WILL_NOT_STOP', 'timeout', `the supervisor of the daemon (pid ${pid}) did not stop`, {
    hint: `see what it waits for (ps -f --ppid ${pid}), then end it: kill -9 ${pid}`,
    data: { pid },
  })

export const daemonStillStopping = (pid: number, waitedMs: number): AppError =>
  new AppError(
    'DAEMON_STILL_STOPPING',
    'timeout',
    `the daemon that is to go (pid ${pid}) is still stopping after ${waitedMs} ms`,
    {
      hint: 'try again in a moment; to stop it now: tandem down',
      data: { pid, waited_ms: waitedMs },
    },
  )

export const supervisorNotStarted = (cause: unknown): AppError =>
  new AppError('SUPERVISOR_NOT_STARTED', 'unavailable', `the supervisor could not be started: ${messageOf(cause)}`, {
    hint: 'leave the daemon running in a terminal of its own: tandem up --foreground',
    cause,
  })

export const daemonNotOurs = (pid: number, tries: number): AppError =>
  new AppError(
    'DAEMON_NOT_OURS',
    'conflict',
    `another client started the daemon (pid ${pid}) first, ${tries} times in a row; it has that client's environment`,
    { hint: 'it serves; for the environment of this shell try again: tandem restart', data: { pid } },
  )

export const logMissing = (file: string): AppError =>
  new AppError('LOG_MISSING', 'missing', `there is no log at ${file}`, {
    hint: 'the daemon has not run with this state directory yet: tandem up',
    data: { file },
  })

/** What is there is no log, or not ours to read: then it is not ours to write, either. */
export const logUnusable = (file: string, problem: string, cause?: unknown): AppError =>
  new AppError('LOG_UNWRITABLE', 'unavailable', `the log ${file} cannot be read: ${problem}`, {
    hint: `move it away, and the daemon makes a new one: mv ${shellQuote(file)} ${shellQuote(`${file}.old`)}`,
    data: { file },
    cause,
  })

/** An answer with an error that is not in our shape. */
export const daemonError = (message: string): AppError =>
  new AppError('DAEMON_ERROR', 'bug', message, { hint: 'see the log of the daemon: tandem logs' })
