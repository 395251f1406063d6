import { z } from 'zod'
import { scenarioInvalid } from './errors.ts'
import { compilePattern } from './pattern.ts'

/** One thing that an answer does; the steps of a reply happen in order. */
export type Step = z.infer<typeof stepSchema>
/** One answer of the model. */
export type Reply = z.infer<typeof replySchema>
/** What a request must look like for a rule to play; every member that is given must hold. */
export type When = z.infer<typeof whenSchema>
export type Rule = z.infer<typeof ruleSchema>
/** A written play: the first rule that fits a request answers it. JSON-serialisable. */
export type Scenario = z.infer<typeof scenarioSchema>

/** Checks a scenario that came from a file or a caller; throws SCENARIO_INVALID, naming the field. */
export function parseScenario(input: unknown): Scenario {
  const parsed = scenarioSchema.safeParse(input)
  if (parsed.success) return parsed.data
  const issue = deepestIssue(parsed.error.issues, [])
  throw scenarioInvalid(fieldOf(issue.path), issue.message, parsed.error)
}

const pattern = z.string().refine(text => isPattern(text), { message: 'not a valid regular expression' })
const headers = z.record(z.string(), z.string())
const delay = z.number().int().min(0).max(600_000)

const stepSchema = z.union([
  z.strictObject({
    text: z.string(),
    /** How many deltas the text is cut into. Default: about 24 characters each. */
    chunks: z.number().int().min(1).max(10_000).optional(),
    chunkDelayMs: delay.optional(),
  }),
  z.strictObject({ reasoning: z.string() }),
  z.strictObject({
    toolCall: z.strictObject({
      name: z.string().min(1),
      arguments: z.union([z.string(), z.record(z.string(), z.unknown())]),
      id: z.string().min(1).optional(),
    }),
  }),
  /** Runs a command with the shell tool that the client offers. */
  z.strictObject({ shell: z.string().min(1) }),
  /** Applies a patch (`*** Begin Patch` form) with the tool that Codex offers. */
  z.strictObject({ patch: z.string().min(1) }),
  z.strictObject({ delayMs: delay }),
  z.strictObject({ gate: z.string().min(1) }),
  z.strictObject({
    error: z.strictObject({
      status: z.number().int().min(400).max(599),
      type: z.string().optional(),
      code: z.string().optional(),
      message: z.string(),
      headers: headers.optional(),
      /** More members of the error object, such as `resets_at`. */
      data: z.record(z.string(), z.unknown()).optional(),
    }),
  }),
  z.strictObject({ open: z.literal(true) }),
  z.strictObject({ cut: z.literal(true) }),
  z.strictObject({ silent: z.literal(true) }),
  z.strictObject({ malformed: z.literal(true) }),
])

const replySchema = z.strictObject({
  steps: z.array(stepSchema).max(1000),
  /** `input` is the whole input, cached tokens included. Default: estimated from sizes. */
  usage: z
    .strictObject({
      input: z.number().int().min(0),
      output: z.number().int().min(0),
      cached: z.number().int().min(0).optional(),
    })
    .optional(),
  /** `incomplete`: the answer stopped at the output limit. */
  status: z.enum(['completed', 'incomplete']).optional(),
  /** Response headers, such as rate-limit figures. */
  headers: headers.optional(),
})

const whenSchema = z.strictObject({
  dialect: z.enum(['responses', 'messages']).optional(),
  model: pattern.optional(),
  lastText: pattern.optional(),
  lastToolResult: pattern.optional(),
  anyText: pattern.optional(),
  turn: z.number().int().min(0).optional(),
  sincePrompt: z.number().int().min(0).optional(),
  tools: z.union([z.string().min(1), z.array(z.string().min(1))]).optional(),
  header: z.record(z.string(), pattern).optional(),
  stream: z.boolean().optional(),
  side: z.boolean().optional(),
})

const ruleSchema = z.strictObject({
  name: z.string().min(1),
  when: whenSchema,
  times: z.number().int().min(1).optional(),
  reply: z.union([replySchema, z.array(replySchema).min(1)]),
})

const scenarioSchema = z.strictObject({
  /** Goes into a response header: printable ASCII. */
  name: z.string().regex(/^[\x20-\x7e]{1,200}$/, 'must be 1 to 200 printable ASCII characters'),
  rules: z.array(ruleSchema).max(10_000),
  fallback: replySchema.optional(),
})

interface Located {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

function isPattern(text: string): boolean {
  try {
    compilePattern(text)
    return true
  } catch {
    // The reason of the engine adds nothing that the field's name does not say.
    return false
  }
}

/** A union reports one list of issues for each form: the form that was meant is the one that got furthest. */
function deepestIssue(issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[]): Located {
  const located = issues.map((issue): Located => {
    const path = [...base, ...issue.path]
    if (issue.code === 'unrecognized_keys')
      return { path: [...path, issue.keys[0] ?? '?'], message: 'is not a known field' }
    if (issue.code !== 'invalid_union') return { path, message: issue.message }
    const forms = issue.errors.filter(form => !form.some(isOfOtherForm)).map(form => deepestIssue(form, path))
    return deepest(forms) ?? { path, message: 'has none of the known forms' }
  })
  return deepest(located) ?? { path: base, message: 'invalid' }
}

/** The form's own first field is missing (or the whole is of another type): the author did not mean this form. */
function isOfOtherForm(issue: z.core.$ZodIssue): boolean {
  if (issue.code === 'invalid_value') return issue.path.length === 1
  if (issue.code !== 'invalid_type') return false
  return issue.path.length === 0 || (issue.path.length === 1 && issue.message.endsWith('undefined'))
}

function deepest(all: readonly Located[]): Located | undefined {
  return all.toSorted((a, b) => b.path.length - a.path.length)[0]
}

function fieldOf(path: readonly PropertyKey[]): string {
  if (path.length === 0) return 'the top'
  return path
    .map(part => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '')
}
