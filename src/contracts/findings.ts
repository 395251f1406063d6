import { z } from 'zod'

/** What `tandem check` and `tandem doctor` found in one place. */
export const findingSchema = z.strictObject({
  name: z.string(),
  /** `warning`: it works, and a person may want to know; `skipped`: something before it has to be right first. */
  state: z.enum(['ok', 'warning', 'problem', 'skipped']),
  /** It is cured by changing a file, a variable or the installation. */
  is_configuration: z.boolean(),
  /** A code of docs/errors.md, for whatever is not `ok`. */
  code: z.string().nullable(),
  message: z.string(),
  /** What to do, as commands where there are some. */
  cure: z.string().nullable(),
  data: z.record(z.string(), z.unknown()).readonly(),
})
export type Finding = z.infer<typeof findingSchema>

export const findingsSchema = z.strictObject({ findings: z.array(findingSchema).readonly() })
export type FindingsReport = z.infer<typeof findingsSchema>

/** What was done to the user's own Claude Code, or would be. */
export const claudeChangeSchema = z.strictObject({
  /** A file, or a file and the member in it. */
  target: z.string(),
  action: z.enum(['added', 'updated', 'unchanged', 'replaced', 'removed', 'restored', 'kept']),
  note: z.string().nullable(),
})
export type ClaudeChange = z.infer<typeof claudeChangeSchema>

export const claudeScopes = ['user', 'project', 'local'] as const
export type ClaudeScope = (typeof claudeScopes)[number]

export const claudeReportSchema = z.strictObject({
  scope: z.enum(claudeScopes),
  is_dry_run: z.boolean(),
  changes: z.array(claudeChangeSchema).readonly(),
  /** What to know or do next. */
  notes: z.array(z.string()).readonly(),
})
export type ClaudeReport = z.infer<typeof claudeReportSchema>
