import type { AppError } from '#kernel'
import type { CodexTurnError } from '#codex'
import { providerKeyMissing, upstreamFailures } from './errors.ts'

/** The error with which Codex ended a turn, as ours; the message is Codex's own. */
export function codexFailure(error: CodexTurnError): AppError {
  const message = error.message.trim().slice(0, 2000)
  const variable = missingVariable.exec(message)?.[1]
  return variable === undefined
    ? upstreamFailures[nameOf(error)](message, error.code)
    : providerKeyMissing(message, variable)
}

/** How 0.169.0 says that the `env_key` of a provider is not in its environment, under no name of its own. */
const missingVariable = /^Missing environment variable: `(\w+)`/

/**
 * 0.169.0 has names for what it did ("too many failed attempts") and for what was wrong ("rate limit"). The status of the
 * upstream says more than the former; sometimes it is in the message only.
 */
function nameOf(error: CodexTurnError): keyof typeof upstreamFailures {
  const status = error.httpStatus ?? Number(/\b(?:status|error)\D{0,12}(\d{3})\b/i.exec(error.message)?.[1] ?? 0)
  const byNumber = byStatus[status]
  if (error.code === null || error.code === 'other' || !isNamed(error.code))
    return byNumber ?? (/stream (?:disconnected|closed)/i.test(error.message) ? 'responseStreamDisconnected' : 'other')
  return aboutTheConnection.has(error.code) ? (byNumber ?? error.code) : error.code
}

const isNamed = (code: string): code is keyof typeof upstreamFailures => Object.hasOwn(upstreamFailures, code)

const aboutTheConnection: ReadonlySet<string> = new Set([
  'httpConnectionFailed',
  'responseStreamConnectionFailed',
  'responseTooManyFailedAttempts',
])

const byStatus: Readonly<Record<number, keyof typeof upstreamFailures>> = {
  400: 'badRequest',
  401: 'unauthorized',
  403: 'unauthorized',
  404: 'modelNotFound',
  429: 'rateLimitExceeded',
  500: 'internalServerError',
  502: 'internalServerError',
  503: 'serverOverloaded',
}
