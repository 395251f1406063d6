import { z } from 'zod'
import { errorSchema, turnStatusSchema, usageSchema } from './turn.ts'

const textual = z.object({ item_id: z.string(), text: z.string() })

/** What can happen to an agent, and what is recorded of it. The data of a kind never loses a member, it may gain some. */
export const eventDataSchemas = {
  'turn.accepted': z.object({ prompt: z.string(), sandbox: z.string(), cd: z.string() }),
  'turn.started': z.object({
    attempt: z.number(),
    why: z.enum(['start', 'continue', 'rerun']),
    codex_turn_id: z.string(),
  }),
  'turn.steered': z.object({ message: z.string() }),
  'turn.cancelling': z.object({ by: z.string() }),
  'turn.paused': z.object({ reason: z.string() }),
  'turn.reconciled': z.object({
    decision: z.enum(['adopted', 'continued', 'rerun', 'failed', 'interrupted']),
    reason: z.string(),
  }),
  'turn.ended': z.object({ status: turnStatusSchema, error: errorSchema.nullable() }),
  'session.created': z.object({ session_id: z.string() }),
  'session.restarted': z.object({ lost: z.string().nullable(), reason: z.string() }),
  'session.archived': z.object({ session_id: z.string().nullable() }),
  text: textual,
  message: textual,
  reasoning: textual,
  plan: textual,
  'command.started': z.object({ item_id: z.string(), command: z.string() }),
  'command.ended': z.object({
    item_id: z.string(),
    command: z.string(),
    exit_code: z.number().nullable(),
    duration_ms: z.number().nullable(),
    output: z.string().describe('the last 4,000 characters'),
  }),
  'files.changed': z.object({
    item_id: z.string(),
    files: z.array(z.object({ path: z.string(), change: z.string() })),
  }),
  tool: z.object({ item_id: z.string(), name: z.string(), status: z.string() }),
  usage: usageSchema,
  'rate.limits': z.record(z.string(), z.unknown()),
  retrying: z.object({ message: z.string() }),
  warning: z.object({ message: z.string() }),
  declined: z.object({ request: z.string(), reason: z.string() }),
} as const satisfies Readonly<Record<string, z.ZodType>>

export type EventKind = keyof typeof eventDataSchemas
/** The name of a kind that this version knows. */
export const eventKindSchema = z.object(eventDataSchemas).keyof()
export type EventData<K extends EventKind> = z.infer<(typeof eventDataSchemas)[K]>

/** An event about to be recorded; the store gives it its `seq`. */
export type NewEvent = { readonly [K in EventKind]: { readonly kind: K; readonly data: EventData<K> } }[EventKind]

/** On the wire the kind is open: a newer daemon may know more kinds than its client. */
export const eventSchema = z.object({
  seq: z.number().describe('rises by at least one with every event of this node; the cursor'),
  at: z.number().describe('milliseconds since the epoch'),
  kind: z.string(),
  agent_id: z.string(),
  turn_id: z.string().nullable(),
  session_id: z.string().nullable(),
  data: z.record(z.string(), z.unknown()),
})
export type WireEvent = z.infer<typeof eventSchema>
