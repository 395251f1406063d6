import { AppError, errorShapeOf } from '#kernel'
import type { ErrorKind } from '#kernel'

/** The door's one table: what a kind of failure is in JSON-RPC. -32000 to -32099 is ours to choose (JSON-RPC 2.0, 5.1). */
const codeOfKind: Readonly<Record<ErrorKind, number>> = {
  invalid: -32602,
  bug: -32603,
  denied: -32001,
  missing: -32002,
  conflict: -32003,
  busy: -32004,
  unavailable: -32005,
  timeout: -32006,
}

/** Failures of the protocol itself, for which JSON-RPC has numbers of its own. */
const codeOfProtocolError: Readonly<Record<string, number>> = {
  SOCKET_FRAME_MALFORMED: -32700,
  SOCKET_FRAME_WRONG: -32600,
  SOCKET_FRAME_TOO_LARGE: -32600,
  SOCKET_UNKNOWN_METHOD: -32601,
}

/** The `error` member of an answer: number and message by JSON-RPC, our own shape in `data`. */
export function rpcErrorOf(error: unknown): {
  readonly code: number
  readonly message: string
  readonly data: ReturnType<typeof errorShapeOf>
} {
  const data = errorShapeOf(error)
  const special = error instanceof AppError ? codeOfProtocolError[error.code] : undefined
  return { code: special ?? codeOfKind[data.kind], message: data.message, data }
}
