import { z } from 'zod'
import type { VerbInput, VerbName, VerbOutput } from './verbs/index.ts'
import type { WireEvent } from './events.ts'

/** Who asks: what SESSION_ID "last", idempotency and the audit trail need. Self-declared; never used to grant anything. */
export const callerSchema = z.strictObject({
  door: z.enum(['cli', 'mcp', 'socket', 'http', 'plain']),
  client: z.string().max(200).optional().describe('name and version of the program'),
  claude_session_id: z.string().max(200).optional(),
  project_dir: z.string().max(4096).optional(),
  tool_use_id: z.string().max(200).optional(),
})
export type Caller = z.infer<typeof callerSchema>

export interface CallOptions {
  readonly caller: Caller
  /** Aborting stops the waiting, never the work: the caller is detached. */
  readonly signal?: AbortSignal
  /** Given to verbs that stream: each event once, in order, before the answer. */
  readonly onEvent?: (event: WireEvent) => void
}

/** The one port between the doors and what they open to. Rejects with an `AppError`. */
export interface VerbCaller {
  call<N extends VerbName>(verb: N, input: VerbInput<N>, options: CallOptions): Promise<VerbOutput<N>>
}
