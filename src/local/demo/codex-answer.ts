import { z } from 'zod'
import { proposedDiffSchema, turnStatuses } from '#contracts'

/** The answer of our tool `codex`, as far as the demo reads it. */
export type CodexAnswer = z.infer<typeof codexAnswerSchema>
export type Review = z.infer<typeof reviewSchema>

/** Undefined for what is not such an answer. A failed call has a sentence before it. */
export function readCodexAnswer(text: string): CodexAnswer | undefined {
  return codexAnswerSchema.safeParse(jsonOf(text) ?? jsonOf(text.slice(text.indexOf('\n\n{')))).data
}

export function readReview(answer: CodexAnswer): Review | undefined {
  return reviewSchema.safeParse(answer.output).data
}

const codexAnswerSchema = z.looseObject({
  success: z.boolean(),
  SESSION_ID: z.string().nullable(),
  turn_id: z.string(),
  status: z.enum(turnStatuses),
  agent_messages: z.string(),
  output: z.unknown().optional(),
  diff: z.string().nullable(),
  proposed_diff: proposedDiffSchema.nullable(),
  session_restarted: z.boolean(),
  error: z.looseObject({ code: z.string(), message: z.string() }).nullable(),
})

const reviewSchema = z.object({
  verdict: z.enum(['ready', 'fix first']),
  findings: z.array(z.object({ file: z.string(), problem: z.string() })),
})

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The caller says what that means.
    return undefined
  }
}
