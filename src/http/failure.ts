import { AppError, errorShapeOf } from '#kernel'
import type { ErrorKind, Log } from '#kernel'

/** The door's one table: what a kind of failure is in HTTP. */
const statusOfKind: Readonly<Record<ErrorKind, number>> = {
  invalid: 400,
  denied: 403,
  missing: 404,
  conflict: 409,
  busy: 429,
  bug: 500,
  unavailable: 503,
  timeout: 504,
}

/** Failures of the protocol itself, for which HTTP has numbers of its own. */
const statusOfProtocolError: Readonly<Record<string, number>> = {
  HTTP_TOKEN_WRONG: 401,
  HTTP_METHOD_REFUSED: 405,
  HTTP_BODY_TOO_LARGE: 413,
  HTTP_BODY_TYPE: 415,
}

export interface Failure {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: { readonly error: ReturnType<typeof errorShapeOf> }
}

/** How a failure is answered: `{"error": …}` in the shape of every door. */
export function failureOf(error: unknown, log: Log): Failure {
  const shape = errorShapeOf(error)
  if (shape.kind === 'bug') log.error({ error }, 'a request failed by a fault of ours')
  const special = error instanceof AppError ? statusOfProtocolError[error.code] : undefined
  return { status: special ?? statusOfKind[shape.kind], headers: headersOf(error), body: { error: shape } }
}

export function failed(error: unknown, log: Log): Response {
  const { status, headers, body } = failureOf(error, log)
  return Response.json(body, { status, headers })
}

/** Every status that can come with an error, for the description of the door. */
export const errorStatuses: readonly number[] = [
  ...new Set([...Object.values(statusOfKind), ...Object.values(statusOfProtocolError)]),
].sort((a, b) => a - b)

function headersOf(error: unknown): Record<string, string> {
  if (!(error instanceof AppError)) return {}
  if (error.code === 'HTTP_TOKEN_WRONG') return { 'www-authenticate': 'Bearer realm="tandem"' }
  // The rest of the body is not read: the connection cannot be used again.
  if (error.code === 'HTTP_BODY_TOO_LARGE') return { connection: 'close' }
  const allowed: unknown = error.data['allow']
  return Array.isArray(allowed) ? { allow: allowed.join(', ') } : {}
}
