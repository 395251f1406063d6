import { z } from 'zod'
import { callerSchema } from './caller.ts'
import { errorSchema } from './turn.ts'
import { eventSchema } from './events.ts'

/*
 * The socket: JSON-RPC 2.0, one object a line, UTF-8.
 *   client -> daemon   hello (first frame), then verbs by name; notification `detach {id}` ends the waiting of a call
 *   daemon -> client   answers, and notifications `event {call, event}` for calls that follow
 * A first frame with a member `command` and no `jsonrpc` speaks the plain protocol instead: one answer per line.
 */

/** Raised when a frame changes its meaning; both sides refuse what they do not speak. */
export const socketProtocol = 1

export const helloParamsSchema = z.looseObject({
  protocol: z.int(),
  version: z.string(),
  client: z.string().max(200),
})
export type HelloParams = z.infer<typeof helloParamsSchema>

export const helloResultSchema = z.looseObject({
  protocol: z.int(),
  version: z.string(),
  pid: z.int(),
  node_id: z.string(),
  running: z.int().describe('turns that run now'),
  is_stopping: z.boolean().optional().describe('it takes no new work and will be gone'),
  can_upgrade: z.boolean().describe('every running turn is stored as to be continued when the daemon stops'),
  state_dir: z.string().optional(),
  state_identity: z.string().optional().describe('which directory that is, whatever its name'),
})
export type HelloResult = z.infer<typeof helloResultSchema>

const requestId = z.union([z.int(), z.string().max(200)])

export const requestFrameSchema = z.looseObject({
  jsonrpc: z.literal('2.0'),
  id: requestId.optional(),
  method: z.string().max(200),
  params: z.unknown().optional(),
})
export type RequestFrame = z.infer<typeof requestFrameSchema>

/** Params of a verb. */
export const callParamsSchema = z.strictObject({
  input: z.unknown().optional(),
  caller: callerSchema,
  /** Ask for `event` notifications (verbs that stream). */
  events: z.boolean().default(false),
})

export const detachParamsSchema = z.strictObject({ id: requestId })

/** JSON-RPC puts our error shape in `error.data`; `error.code` follows the door's table. */
export const answerFrameSchema = z.looseObject({
  jsonrpc: z.literal('2.0'),
  id: requestId.nullable(),
  result: z.unknown().optional(),
  error: z.looseObject({ code: z.int(), message: z.string(), data: errorSchema.optional() }).optional(),
})
export type AnswerFrame = z.infer<typeof answerFrameSchema>

export const eventFrameSchema = z.looseObject({
  jsonrpc: z.literal('2.0'),
  method: z.literal('event'),
  params: z.looseObject({ call: requestId, event: eventSchema }),
})

/** The plain frames. Members beside `command` differ by command; an unknown one is answered, not dropped. */
export const plainFrameSchema = z.looseObject({ command: z.string().max(200) })

/** What the daemon writes beside its lock. */
export const addressFileSchema = z.looseObject({
  socket: z.string(),
  pid: z.int(),
  version: z.string(),
  started_at: z.number(),
  state_identity: z.string().optional().describe('which state directory is meant, so that a copy of it is not'),
})
