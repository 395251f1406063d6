import { z } from 'zod'

/** Reasoning efforts that Codex 0.169 knows for its models; Codex itself accepts any string in silence. */
export const efforts = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max', 'ultra'] as const
export const sandboxes = ['read-only', 'workspace-write', 'danger-full-access'] as const
export const turnStatuses = ['queued', 'running', 'completed', 'failed', 'interrupted'] as const

export const effortSchema = z.enum(efforts)
export const sandboxSchema = z.enum(sandboxes)
export const turnStatusSchema = z.enum(turnStatuses)

export type Sandbox = z.infer<typeof sandboxSchema>
export type TurnStatus = z.infer<typeof turnStatusSchema>

export const sessionIdSchema = z
  .string()
  .min(1)
  .max(200)
  .describe('the session to go on in, or "last" for the latest one of this caller in this directory')
export const turnIdSchema = z.string().min(1).max(200).describe('the turn, as returned by ask')
export const waitMsSchema = z.int().min(0).max(86_400_000)

export const errorSchema = z.looseObject({
  code: z.string(),
  kind: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
})

export const usageSchema = z.object({
  input_tokens: z.number(),
  cached_input_tokens: z.number(),
  output_tokens: z.number(),
  reasoning_output_tokens: z.number(),
  total_tokens: z.number(),
  model_context_window: z.number().nullable(),
})
export type Usage = z.infer<typeof usageSchema>

export const proposedDiffSchema = z.object({
  patch: z.string().describe('every unified diff of the answer, in order'),
  applies: z.boolean(),
  files: z.array(z.object({ path: z.string(), applies: z.boolean(), reason: z.string().optional() })),
})
export type ProposedDiff = z.infer<typeof proposedDiffSchema>

export const messageSchema = z.object({
  kind: z.enum(['message', 'reasoning', 'command', 'files', 'plan', 'tool']),
  text: z.string(),
})
export type TurnMessage = z.infer<typeof messageSchema>

/** What every verb about one turn answers; the same for a finished, failed or still running one. */
export const turnAnswerSchema = z.object({
  success: z.boolean().describe('the turn completed and nothing about its result is an error'),
  session_id: z.string().nullable().describe('null only until Codex has given the thread'),
  turn_id: z.string(),
  agent_id: z.string(),
  status: turnStatusSchema,
  agent_messages: z.string().describe('the last message; the text so far when the turn has not completed'),
  all_messages: z.array(messageSchema).optional(),
  output: z.unknown().optional().describe('the answer parsed as JSON, when an output schema was given'),
  read_on: z
    .object({ offset: z.number(), total: z.number() })
    .optional()
    .describe('agent_messages was cut: ask for the result again with this offset'),
  usage: usageSchema.nullable(),
  diff: z.string().nullable().describe('what changed in the working tree during the turn'),
  proposed_diff: proposedDiffSchema.nullable(),
  session_restarted: z.boolean().describe('Codex had lost the session; the prompt ran in a new one'),
  elapsed_ms: z.number(),
  last_event: z.object({ seq: z.number(), kind: z.string(), at: z.number(), text: z.string() }).nullable(),
  error: errorSchema.nullable(),
})
export type TurnAnswer = z.infer<typeof turnAnswerSchema>

export const turnSummarySchema = z.object({
  turn_id: z.string(),
  agent_id: z.string(),
  session_id: z.string().nullable(),
  status: turnStatusSchema,
  cd: z.string(),
  sandbox: sandboxSchema,
  prompt: z.string().describe('the first 200 characters'),
  accepted_at: z.number(),
  started_at: z.number().nullable(),
  ended_at: z.number().nullable(),
  attempts: z.number().describe('turns of Codex it took: more than one after a crash'),
  total_tokens: z.number().nullable(),
  error_code: z.string().nullable(),
})
export type TurnSummary = z.infer<typeof turnSummarySchema>

export const threadSummarySchema = z.object({
  session_id: z.string().nullable(),
  agent_id: z.string(),
  cd: z.string(),
  status: z.enum(['idle', 'queued', 'running', 'archived']),
  turns: z.number(),
  created_at: z.number(),
  last_active_at: z.number(),
  title: z.string().describe('the first 80 characters of the first prompt'),
})
export type ThreadSummary = z.infer<typeof threadSummarySchema>
