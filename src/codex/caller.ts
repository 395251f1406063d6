import { codexAnswerMalformed } from './errors.ts'
import { refusalOf } from './refusals.ts'
import type { ConnectionLimits } from './connection.ts'
import type { RpcPeer } from './rpc.ts'
import type { z } from 'zod'

/** Requests whose answers are read: a refusal becomes a coded error, an unknown shape CODEX_ANSWER_MALFORMED. */
export interface Caller {
  /** The answer says nothing that matters. */
  simple(method: string, params: object): Promise<void>
  quick<T>(method: string, schema: z.ZodType<T>, params: object): Promise<T>
  /** For what may read a long history first. */
  slow<T>(method: string, schema: z.ZodType<T>, params: object): Promise<T>
}

export function createCaller(rpc: RpcPeer, limits: ConnectionLimits): Caller {
  async function ask(method: string, params: object, timeoutMs: number): Promise<unknown> {
    const answer = await rpc.request(method, params, { timeoutMs })
    if (answer.kind === 'error') throw refusalOf(method, params, answer)
    return answer.result
  }
  return {
    async simple(method, params) {
      await ask(method, params, limits.requestTimeoutMs)
    },
    async quick(method, schema, params) {
      return read(method, schema, await ask(method, params, limits.requestTimeoutMs))
    },
    async slow(method, schema, params) {
      return read(method, schema, await ask(method, params, limits.slowRequestTimeoutMs))
    },
  }
}

function read<T>(method: string, schema: z.ZodType<T>, result: unknown): T {
  const parsed = schema.safeParse(result)
  if (!parsed.success) throw codexAnswerMalformed(method, parsed.error.message)
  return parsed.data
}
