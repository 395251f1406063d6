import { createHash, timingSafeEqual } from 'node:crypto'
import { callerHeaders } from '#contracts'
import { hostRefused, originRefused, requestMalformed, tokenWrong } from './errors.ts'
import type { Secret } from '#kernel'

export interface GuardedRequest {
  /** As sent: name, value, name, value. Node's own object keeps the first of two, or joins them. */
  readonly rawHeaders: readonly string[]
  readonly url?: string | undefined
}

/**
 * Throws unless the request was meant for us: a name of ours in `Host` (a page whose name was made to lead to 127.0.0.1 sends its
 * own), no foreign `Origin`, and no header twice about which two readers could disagree. Comes before everything else.
 */
export function assertForUs(request: GuardedRequest, port: number): void {
  if (!request.url?.startsWith('/')) throw requestMalformed('the request names no path')
  const twice = singles.find(name => valuesOf(request, name).length > 1)
  if (twice !== undefined) throw requestMalformed(`the header ${twice} is there twice`)
  const hosts = names.map(name => `${name}:${port}`)
  const [host = ''] = valuesOf(request, 'host')
  if (!hosts.includes(host)) throw hostRefused(host, hosts)
  const [origin] = valuesOf(request, 'origin')
  if (origin !== undefined && !hosts.some(ours => origin === `http://${ours}`)) throw originRefused(origin)
}

/** Who may pass: has the token. `command` prints it, for whoever has not. The one place that says where a token can be. */
export function createTokenCheck(token: Secret, command: string): (headers: Headers) => void {
  const expected = digestOf(token.reveal())
  return headers => {
    const given = /^Bearer +([^\s]+) *$/i.exec(headers.get('authorization') ?? '')?.[1]
    if (given === undefined) throw tokenWrong('none', command)
    // Digests have one length, and comparing them takes the same time whatever they are.
    if (!timingSafeEqual(digestOf(given), expected)) throw tokenWrong('wrong', command)
  }
}

const names = ['127.0.0.1', 'localhost', '[::1]']

const singles = [
  'host',
  'authorization',
  'origin',
  'content-type',
  'content-length',
  'transfer-encoding',
  'idempotency-key',
  'last-event-id',
  'mcp-session-id',
  'mcp-protocol-version',
  ...Object.values(callerHeaders).map(name => name.toLowerCase()),
]

function valuesOf({ rawHeaders }: GuardedRequest, name: string): readonly string[] {
  return rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === name)
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest()
