import { AppError } from '#kernel'

export const frameMalformed = (reason: string): AppError =>
  new AppError('SOCKET_FRAME_MALFORMED', 'invalid', `the line is not JSON: ${reason}`, {
    hint: 'send one JSON object a line, in UTF-8, ended by a newline',
  })

export const frameWrong = (problem: string): AppError =>
  new AppError('SOCKET_FRAME_WRONG', 'invalid', problem, {
    hint: 'send {"jsonrpc": "2.0", "id": 1, "method": …, "params": …}; the first method is hello',
  })

export const frameTooLarge = (maxBytes: number): AppError =>
  new AppError('SOCKET_FRAME_TOO_LARGE', 'invalid', `the line is longer than ${maxBytes} bytes`, {
    hint: 'send less, or raise daemon.max_frame_bytes in config.toml; this connection is closed',
    data: { max_bytes: maxBytes },
  })

export const unknownMethod = (method: string, known: readonly string[]): AppError =>
  new AppError('SOCKET_UNKNOWN_METHOD', 'missing', `there is no method ${JSON.stringify(method)}`, {
    hint: `methods are ${known.join(', ')}`,
    data: { methods: known },
  })

export const tooManyClients = (max: number): AppError =>
  new AppError('SOCKET_TOO_MANY_CLIENTS', 'busy', `${max} clients are connected already`, {
    hint: 'close one, or raise daemon.max_clients in config.toml',
    data: { max },
  })

export const tooManyCalls = (max: number, whose: 'this client' | 'all clients'): AppError =>
  new AppError('SOCKET_TOO_MANY_CALLS', 'busy', `${whose} together wait for ${max} calls already`, {
    hint: 'wait for one to be answered, then call again',
    data: { max },
  })

export const helloTimeout = (waitedMs: number): AppError =>
  new AppError('SOCKET_HELLO_TIMEOUT', 'timeout', `no complete first line within ${waitedMs} ms`, {
    hint: 'send hello at once after connecting; this connection is closed',
  })

export const protocolMismatch = (
  theirs: number,
  ours: { readonly protocol: number; readonly version: string },
): AppError =>
  new AppError(
    'DAEMON_PROTOCOL',
    'conflict',
    `the daemon ${ours.version} speaks protocol ${ours.protocol}, the client ${theirs}`,
    {
      hint: 'use the same version of Tandem everywhere, then restart the daemon: tandem restart',
      data: { ...ours },
    },
  )

export const daemonStopping = (reason: string): AppError =>
  new AppError('DAEMON_STOPPING', 'unavailable', `the daemon is stopping (${reason})`, {
    hint: 'turns are stored and go on with the next daemon: tandem up',
    data: { reason },
  })

export const socketNotListening = (path: string, cause: unknown, reason: string): AppError =>
  new AppError('SOCKET_NOT_LISTENING', 'unavailable', `cannot listen on ${path}: ${reason}`, {
    hint: 'set TANDEM_RUNTIME_DIR to a short path on a local file system',
    data: { path },
    cause,
  })

export const unknownCommand = (name: string, known: readonly string[]): AppError =>
  new AppError('PLAIN_COMMAND_UNKNOWN', 'missing', `there is no command ${JSON.stringify(name)}`, {
    hint: `commands are ${known.join(', ')}`,
  })

export const directoryNeeded = (): AppError =>
  new AppError('PLAIN_DIRECTORY_NEEDED', 'invalid', 'a sandbox that may change files needs a directory', {
    hint: 'add "cd": the absolute path of the directory to work in',
  })
