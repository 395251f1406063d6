import { z } from 'zod'

/*
 * Messages of `codex app-server` (seen with 0.169.0): loose, and only the fields that we read, so that a newer version
 * does not break us. What does not fit its schema is counted and passed on, never fatal.
 */

/** Any line: a request has `id` and `method`, a notification only `method`, an answer only `id`. */
export const rpcMessageSchema = z.looseObject({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.looseObject({ code: z.number(), message: z.string(), data: z.unknown().optional() }).optional(),
})
export type RpcMessage = z.infer<typeof rpcMessageSchema>

export const initializeResultSchema = z.looseObject({ userAgent: z.string(), codexHome: z.string().optional() })

const inputPartSchema = z.looseObject({ type: z.string(), text: z.string().optional() })
const fileChangeSchema = z.looseObject({
  path: z.string(),
  kind: z.looseObject({ type: z.string() }).optional(),
  diff: z.string().optional(),
})

/** One item of a turn; `type` says which of the optional members are there. */
export const appServerItemSchema = z.looseObject({
  type: z.string(),
  id: z.string(),
  clientId: z.string().nullish(),
  content: z.array(z.union([z.string(), inputPartSchema])).nullish(),
  text: z.string().nullish(),
  phase: z.string().nullish(),
  summary: z.array(z.string()).nullish(),
  command: z.string().nullish(),
  cwd: z.string().nullish(),
  status: z.string().nullish(),
  aggregatedOutput: z.string().nullish(),
  exitCode: z.number().nullish(),
  durationMs: z.number().nullish(),
  changes: z.array(fileChangeSchema).nullish(),
  server: z.string().nullish(),
  tool: z.string().nullish(),
  query: z.string().nullish(),
})
export type AppServerItem = z.infer<typeof appServerItemSchema>

/** `codexErrorInfo` is a name, or an object with the name as its one member. */
const turnErrorSchema = z.looseObject({
  message: z.string(),
  codexErrorInfo: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  additionalDetails: z.string().nullish(),
})
export type AppServerTurnError = z.infer<typeof turnErrorSchema>

export const appServerTurnSchema = z.looseObject({
  id: z.string(),
  status: z.string(),
  items: z.array(appServerItemSchema).default([]),
  error: turnErrorSchema.nullish(),
  startedAt: z.number().nullish(),
  completedAt: z.number().nullish(),
  durationMs: z.number().nullish(),
})
export type AppServerTurn = z.infer<typeof appServerTurnSchema>

const turnsPageSchema = z.looseObject({ data: z.array(appServerTurnSchema), nextCursor: z.string().nullish() })

/** The answers that we read, by method. */
export const appServerResults = {
  'thread/start': z.looseObject({ thread: z.looseObject({ id: z.string() }), model: z.string().nullish() }),
  'thread/resume': z.looseObject({
    thread: z.looseObject({ id: z.string() }),
    model: z.string().nullish(),
    initialTurnsPage: turnsPageSchema.nullish(),
  }),
  'thread/turns/list': turnsPageSchema,
  'turn/start': z.looseObject({ turn: z.looseObject({ id: z.string() }) }),
  'config/read': z.looseObject({ config: z.looseObject({}) }),
  'hooks/list': z.looseObject({
    data: z.array(
      z.looseObject({
        hooks: z.array(z.looseObject({ command: z.string().nullish(), enabled: z.boolean(), trustStatus: z.string() })),
      }),
    ),
  }),
  'model/list': z.looseObject({
    data: z.array(
      z.looseObject({
        id: z.string(),
        hidden: z.boolean().default(false),
        isDefault: z.boolean().default(false),
        defaultReasoningEffort: z.string().nullish(),
        supportedReasoningEfforts: z.array(z.looseObject({ reasoningEffort: z.string() })).default([]),
      }),
    ),
    nextCursor: z.string().nullish(),
  }),
} as const

const onTurn = { threadId: z.string(), turnId: z.string() }
const onItem = { ...onTurn, itemId: z.string() }
const tokensSchema = z.looseObject({
  totalTokens: z.number(),
  inputTokens: z.number(),
  cachedInputTokens: z.number(),
  outputTokens: z.number(),
  reasoningOutputTokens: z.number(),
})
export type AppServerTokens = z.infer<typeof tokensSchema>

/** The notifications that we read, by method; any other is passed on by its name. */
export const appServerNotifications = {
  'turn/started': z.looseObject({ threadId: z.string(), turn: appServerTurnSchema }),
  'turn/completed': z.looseObject({ threadId: z.string(), turn: appServerTurnSchema }),
  'item/started': z.looseObject({ ...onTurn, item: appServerItemSchema }),
  'item/completed': z.looseObject({ ...onTurn, item: appServerItemSchema }),
  'item/agentMessage/delta': z.looseObject({ ...onItem, delta: z.string() }),
  'item/reasoning/summaryTextDelta': z.looseObject({ ...onItem, delta: z.string() }),
  'item/reasoning/textDelta': z.looseObject({ ...onItem, delta: z.string() }),
  'item/commandExecution/outputDelta': z.looseObject({ ...onItem, delta: z.string() }),
  'item/commandExecution/terminalInteraction': z.looseObject({ ...onItem, stdin: z.string() }),
  'hook/completed': z.looseObject({
    threadId: z.string(),
    turnId: z.string().nullish(),
    run: z.looseObject({
      eventName: z.string(),
      source: z.string(),
      status: z.string(),
      entries: z.array(z.looseObject({ text: z.string() })).default([]),
    }),
  }),
  'thread/tokenUsage/updated': z.looseObject({
    ...onTurn,
    tokenUsage: z.looseObject({
      total: tokensSchema,
      last: tokensSchema,
      modelContextWindow: z.number().nullish(),
    }),
  }),
  'account/rateLimits/updated': z.looseObject({ rateLimits: z.record(z.string(), z.unknown()) }),
  error: z.looseObject({ ...onTurn, error: turnErrorSchema, willRetry: z.boolean() }),
  'turn/diff/updated': z.looseObject({ ...onTurn, diff: z.string() }),
  'turn/plan/updated': z.looseObject({
    ...onTurn,
    explanation: z.string().nullish(),
    plan: z.array(z.looseObject({ step: z.string(), status: z.string() })),
  }),
  warning: z.looseObject({ threadId: z.string().nullish(), message: z.string() }),
  configWarning: z.looseObject({ summary: z.string(), details: z.string().nullish() }),
} as const

/** What any notification or request of the server may say about where it belongs. */
export const appServerPlaceSchema = z.looseObject({
  threadId: z.string().nullish(),
  turnId: z.string().nullish(),
  itemId: z.string().nullish(),
})

/** The parts of the user's own `config.toml` that we read; the rest is kept as it is. */
export const codexUserConfigSchema = z.looseObject({
  mcp_servers: z.record(z.string(), z.unknown()).nullish(),
  model_providers: z
    .record(
      z.string(),
      z.looseObject({
        env_key: z.string().nullish(),
        env_http_headers: z.record(z.string(), z.string()).nullish(),
      }),
    )
    .nullish(),
  shell_environment_policy: z.looseObject({ exclude: z.array(z.string()).nullish() }).nullish(),
})
export type CodexUserConfig = z.infer<typeof codexUserConfigSchema>
