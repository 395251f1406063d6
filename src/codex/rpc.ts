import { rpcMessageSchema } from '#contracts'
import { cancelled, isNestedDeeper, maxNesting, messageOf } from '#kernel'
import { codexBusy, codexGone, codexHung, codexRequestTimeout } from './errors.ts'
import type { RpcMessage } from '#contracts'
import type { AppError, Clock } from '#kernel'

export interface RpcRequestOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** What the server said to a request, still unread. */
export type RpcAnswer =
  | { readonly kind: 'result'; readonly result: unknown }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }

/** JSON-RPC without the `jsonrpc` member, one object a line: how the app-server speaks. */
export interface RpcPeer {
  /** Rejects with CODEX_BUSY, CODEX_GONE, CODEX_REQUEST_TIMEOUT, or CODEX_HUNG (after `onHung` was called). */
  request(method: string, params: unknown, options: RpcRequestOptions): Promise<RpcAnswer>
  notify(method: string): Promise<void>
  receive(line: string): void
  /** Every pending request fails, and so does each later one. */
  close(reason: string): void
}

export interface RpcPeerOptions {
  readonly clock: Clock
  readonly maxPending: number
  readonly write: (line: string) => Promise<void>
  readonly lastByteAtMs: () => number
  readonly onNotification: (method: string, params: unknown) => void
  /** Returns what to answer. */
  readonly onRequest: (method: string, params: unknown) => Readonly<Record<string, unknown>>
  /** A line that is not JSON, or not a message; an answer to nothing that was asked. */
  readonly onMalformed: (problem: string) => void
  /** A request got no answer and not one byte came in its whole time: the process is to be given up. */
  readonly onHung: (method: string, waitedMs: number) => void
}

interface Pending {
  readonly method: string
  readonly settle: (outcome: RpcAnswer | AppError) => void
}

export function createRpcPeer(options: RpcPeerOptions): RpcPeer {
  const pending = new Map<number, Pending>()
  let closedBecause: string | null = null
  let lastId = 0

  async function request(method: string, params: unknown, limits: RpcRequestOptions): Promise<RpcAnswer> {
    if (closedBecause !== null) throw codexGone(method, closedBecause)
    if (pending.size >= options.maxPending) throw codexBusy(pending.size)
    if (limits.signal?.aborted === true) throw cancelled(method, limits.signal.reason)
    const id = (lastId += 1)
    using waiting = new DisposableStack()
    const answer = new Promise<RpcAnswer>((resolve, reject) => {
      const settle = (outcome: RpcAnswer | AppError): void =>
        outcome instanceof Error ? reject(outcome) : resolve(outcome)
      pending.set(id, { method, settle })
      waiting.defer(() => void pending.delete(id))
      waiting.use(watch(method, limits.timeoutMs, settle))
      if (limits.signal !== undefined) waiting.use(whenAborted(limits.signal, () => settle(cancelled(method))))
    })
    // A failed write means that the process is ending: its `close` settles the request with the reason.
    await Promise.race([answer, options.write(`${JSON.stringify({ id, method, params })}\n`).catch(() => undefined)])
    return await answer
  }

  /** At the limit it looks once more a moment later: when it was we who were stopped, the answer is already in the pipe. */
  function watch(method: string, timeoutMs: number, settle: Pending['settle']): Disposable {
    const sentAt = options.clock.monotonic()
    let timer = options.clock.after(timeoutMs, () => {
      timer = options.clock.after(Math.min(secondLookMs, timeoutMs), () => {
        const waited = Math.round(options.clock.monotonic() - sentAt)
        if (options.lastByteAtMs() > sentAt) return settle(codexRequestTimeout(method, waited))
        settle(codexHung(method, waited))
        options.onHung(method, waited)
      })
    })
    return { [Symbol.dispose]: () => timer[Symbol.dispose]() }
  }

  function receive(line: string): void {
    const message = messageIn(line)
    if (typeof message === 'string') return options.onMalformed(message)
    const { id, method } = message
    if (method !== undefined && id !== undefined) return answerTo(id, method, message.params)
    if (method !== undefined) return options.onNotification(method, message.params)
    const asked = typeof id === 'number' ? pending.get(id) : undefined
    // A late answer to a request that timed out is ordinary; anything else without a method is not.
    if (asked === undefined) return id === undefined ? options.onMalformed('neither a method nor an id') : undefined
    if (message.error === undefined) return asked.settle({ kind: 'result', result: message.result })
    asked.settle({ kind: 'error', code: message.error.code, message: message.error.message })
  }

  function answerTo(id: string | number, method: string, params: unknown): void {
    const answer = JSON.stringify({ id, ...options.onRequest(method, params) })
    options.write(`${answer}\n`).catch(() => {
      // The process is ending, and with it whoever asked.
    })
  }

  return {
    request,
    receive,
    notify: method => options.write(`${JSON.stringify({ method })}\n`),
    close(reason) {
      closedBecause = reason
      for (const each of Array.from(pending.values())) each.settle(codexGone(each.method, reason))
    },
  }
}

function messageIn(line: string): RpcMessage | string {
  if (isNestedDeeper(line, maxNesting)) return `nested deeper than ${maxNesting}`
  try {
    const parsed = rpcMessageSchema.safeParse(JSON.parse(line))
    return parsed.success ? parsed.data : 'not a JSON-RPC message'
  } catch (error) {
    return messageOf(error)
  }
}

function whenAborted(signal: AbortSignal, task: () => void): Disposable {
  signal.addEventListener('abort', task, { once: true })
  return { [Symbol.dispose]: () => signal.removeEventListener('abort', task) }
}

const secondLookMs = 1000
