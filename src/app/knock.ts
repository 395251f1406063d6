import { lstat } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { answerFrameSchema, helloResultSchema, socketProtocol } from '#contracts'
import { shellQuote, systemCodeOf } from '#kernel'
import type { Finding } from '#ops'

/** Whether the daemon's own socket is at its path and leads to this very process: as a client would find out. */
export async function knockAtOwnSocket(path: string, version: string, limitMs = knockMs): Promise<Finding> {
  const found = await lookAt(path)
  if (found !== undefined) return found
  const answer = await greeted({ path, version, limitMs })
  if (answer.kind === 'error')
    return { state: 'down', why: `nobody can connect to ${path} (${answer.code})`, cure: putBack }
  if (answer.kind === 'full')
    return { state: 'degraded', why: answer.message, cure: 'raise max_clients under [daemon], or end some clients' }
  if (answer.pid !== process.pid)
    return { state: 'down', why: `another program listens at ${path}`, cure: `find it: fuser ${shellQuote(path)}` }
  return { state: 'healthy' }
}

/** Undefined: a socket is there. */
async function lookAt(path: string): Promise<Finding | undefined> {
  try {
    const found = await lstat(path)
    if (found.isSocket()) return undefined
    return {
      state: 'down',
      why: `${path} is not a socket any more`,
      cure: `move it away: mv ${shellQuote(path)} ${shellQuote(`${path}.old`)}`,
    }
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR')
      return { state: 'down', why: `${path} was removed; new clients cannot connect`, cure: putBack }
    return { state: 'down', why: `${path} cannot be looked at (${code ?? 'unknown'})` }
  }
}

type Greeted =
  | { readonly kind: 'hello'; readonly pid: number | undefined }
  | { readonly kind: 'full'; readonly message: string }
  | { readonly kind: 'error'; readonly code: string }

function greeted({
  path,
  version,
  limitMs,
}: {
  readonly path: string
  readonly version: string
  readonly limitMs: number
}): Promise<Greeted> {
  return new Promise(resolve => {
    const socket = createConnection(path)
    let text = ''
    const done = (answer: Greeted): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(limitMs, () => done({ kind: 'error', code: `no answer within ${limitMs} ms` }))
    socket.once('error', error => done({ kind: 'error', code: systemCodeOf(error) ?? error.message }))
    socket.once('close', () => done({ kind: 'error', code: 'closed' }))
    socket.on('data', chunk => {
      text += chunk.toString()
      if (text.includes('\n') || text.length > maxChars) done(answerIn(text))
    })
    const params = { protocol: socketProtocol, version, client: 'health' }
    socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'hello', params })}\n`)
  })
}

function answerIn(text: string): Greeted {
  try {
    const answer = answerFrameSchema.parse(JSON.parse(text.slice(0, text.indexOf('\n'))))
    const { code, message } = answer.error?.data ?? {}
    if (code === 'SOCKET_TOO_MANY_CLIENTS') return { kind: 'full', message: message ?? code }
    return { kind: 'hello', pid: helloResultSchema.safeParse(answer.result).data?.pid }
  } catch {
    // Not what our door says.
    return { kind: 'hello', pid: undefined }
  }
}

const putBack = 'the daemon puts it back within 5 s; if not: tandem restart'
const knockMs = 4000
const maxChars = 65_536
