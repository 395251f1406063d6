import { inputInvalid } from '#contracts'
import { AppError } from '#kernel'
import type { z } from 'zod'
import type { Route } from './routes.ts'

export const portTaken = (port: number, cause: unknown): AppError =>
  new AppError('HTTP_PORT_TAKEN', 'conflict', `another program listens on 127.0.0.1:${port}`, {
    hint: `see which one (ss -ltnp 'sport = :${port}') and end it, or set another http.port in config.toml, then: tandem restart`,
    data: { port },
    cause,
  })

export const notListening = (port: number, reason: string, cause: unknown): AppError =>
  new AppError('HTTP_NOT_LISTENING', 'unavailable', `cannot listen on 127.0.0.1:${port}: ${reason}`, {
    hint: 'set http.port in config.toml to 0 or to a free port above 1023, then: tandem restart',
    data: { port },
    cause,
  })

export const hostRefused = (host: string, ours: readonly string[]): AppError =>
  new AppError('HTTP_HOST_REFUSED', 'denied', `the Host ${JSON.stringify(host.slice(0, 200))} is not ours`, {
    hint: `ask for ${ours.join(' or ')}`,
  })

export const originRefused = (origin: string): AppError =>
  new AppError('HTTP_ORIGIN_REFUSED', 'denied', `pages of ${JSON.stringify(origin.slice(0, 200))} may not ask here`, {
    hint: 'only a page that this door serves itself may call it from a browser',
  })

export const requestMalformed = (problem: string): AppError =>
  new AppError('HTTP_REQUEST_MALFORMED', 'invalid', problem, {
    hint: 'send an HTTP/1.1 request with a path, and each of these headers once',
  })

export const tokenWrong = (wasGiven: 'none' | 'wrong', command: string): AppError =>
  new AppError(
    'HTTP_TOKEN_WRONG',
    'denied',
    wasGiven === 'none' ? 'the request has no token' : 'the token is not the one of this daemon',
    { hint: `send the header Authorization: Bearer TOKEN; the token is what this prints: ${command}` },
  )

export const routeUnknown = (path: string): AppError =>
  new AppError('HTTP_ROUTE_UNKNOWN', 'missing', `there is nothing at ${JSON.stringify(path.slice(0, 200))}`, {
    hint: 'GET /openapi.json lists every route; /docs shows it',
  })

export const methodRefused = (method: string, allowed: readonly string[]): AppError =>
  new AppError('HTTP_METHOD_REFUSED', 'invalid', `${method.slice(0, 20)} is not taken here`, {
    hint: `use ${allowed.join(' or ')}`,
    data: { allow: allowed },
  })

export const bodyTooLarge = (maxBytes: number): AppError =>
  new AppError('HTTP_BODY_TOO_LARGE', 'invalid', `the body is longer than ${maxBytes} bytes`, {
    hint: 'send less, or raise daemon.max_frame_bytes in config.toml; this connection is closed',
    data: { max_bytes: maxBytes },
  })

export const bodyTypeWrong = (type: string | undefined): AppError =>
  new AppError(
    'HTTP_BODY_TYPE',
    'invalid',
    type === undefined ? 'the body has no Content-Type' : `a body of type ${JSON.stringify(type.slice(0, 100))}`,
    { hint: 'send JSON with the header Content-Type: application/json' },
  )

export const bodyMalformed = (reason: string): AppError =>
  new AppError('HTTP_BODY_MALFORMED', 'invalid', `the body is not what it should be: ${reason}`, {
    hint: 'send one JSON object in UTF-8 with the members of the input',
  })

export const memberTwice = (member: string, places: string): AppError =>
  new AppError('INPUT_INVALID', 'invalid', `${member} is given twice, and not the same (${places})`, {
    hint: `give ${member} once`,
    data: { fields: [member] },
  })

/** As every door says it, with a way to learn more that is here. */
export function routeInputInvalid({ verb, method, path }: Route, error: z.ZodError): AppError {
  const { code, kind, message, data } = inputInvalid(verb, error)
  return new AppError(code, kind, message, { hint: `/docs and /openapi.json say what ${method} ${path} takes`, data })
}

export const streamNeeded = (): AppError =>
  new AppError('HTTP_STREAM_NEEDED', 'invalid', 'following has no end that an answer could wait for', {
    hint: 'send the header Accept: text/event-stream, or leave follow out and use wait_ms',
  })

export const tooManyHttpCalls = (max: number): AppError =>
  new AppError('HTTP_TOO_MANY_CALLS', 'busy', `${max} calls wait here already`, {
    hint: 'wait for one to be answered, then call again',
    data: { max },
  })

export const doorClosing = (): AppError =>
  new AppError('DAEMON_STOPPING', 'unavailable', 'the daemon is stopping', {
    hint: 'turns are stored and go on with the next daemon: tandem up',
  })
