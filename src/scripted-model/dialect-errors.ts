import type { ScriptedError } from './answer.ts'
import type { Dialect, JsonObject } from './request-view.ts'

/** The body of an HTTP error in the dialect's shape. */
export function errorBodyOf(dialect: Dialect, error: ScriptedError): JsonObject {
  if (dialect === 'messages') {
    const type = error.type ?? messagesTypes[error.status] ?? 'api_error'
    return { type: 'error', error: { ...error.data, type, message: error.message }, request_id: null }
  }
  const type = error.type ?? (error.status < 500 ? 'invalid_request_error' : 'server_error')
  return { error: { ...error.data, message: error.message, type, code: error.code ?? null, param: null } }
}

const messagesTypes: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
}
