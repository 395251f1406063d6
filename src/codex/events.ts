import { appServerNotifications as notifications, appServerPlaceSchema } from '#contracts'
import { itemOf, turnErrorOf, turnStatusOf } from './items.ts'
import type { AppServerTokens } from '#contracts'
import type { CodexItem, CodexTurnError, CodexTurnStatus } from './items.ts'
import type { z } from 'zod'

/** `total` counts the whole thread, `last` only the latest call of the model. */
export interface TokenUsage {
  readonly total: TokenCount
  readonly last: TokenCount
  readonly contextWindow: number | null
}

export interface TokenCount {
  readonly totalTokens: number
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly outputTokens: number
  readonly reasoningOutputTokens: number
}

interface OnTurn {
  readonly threadId: string
  readonly codexTurnId: string
}
interface OnItem extends OnTurn {
  readonly itemId: string
}
interface Somewhere {
  readonly threadId: string | null
  readonly codexTurnId: string | null
}

/** What happens in Codex, in our words. Every one says on which thread and turn, where Codex says it. */
export type CodexEvent =
  | ({ readonly kind: 'turn-started' } & OnTurn)
  | ({
      readonly kind: 'turn-completed'
      readonly status: CodexTurnStatus
      readonly error: CodexTurnError | null
    } & OnTurn)
  | ({ readonly kind: 'text-delta'; readonly delta: string } & OnItem)
  | ({ readonly kind: 'reasoning-delta'; readonly delta: string } & OnItem)
  | ({ readonly kind: 'command-output'; readonly delta: string } & OnItem)
  /** Typed into a command that runs. */
  | ({ readonly kind: 'command-input'; readonly text: string } & OnItem)
  /** The check of denied commands stopped one before it began, or was itself not possible: then the command may run. */
  | ({ readonly kind: 'command-denied' | 'command-unchecked'; readonly reason: string } & Somewhere)
  | ({ readonly kind: 'item-started'; readonly item: CodexItem } & OnTurn)
  | ({ readonly kind: 'item-completed'; readonly item: CodexItem } & OnTurn)
  | ({ readonly kind: 'token-usage'; readonly usage: TokenUsage } & OnTurn)
  | ({ readonly kind: 'rate-limits'; readonly limits: Readonly<Record<string, unknown>> } & Somewhere)
  /** The upstream failed and Codex tries it again: there may be no end to this. */
  | ({ readonly kind: 'retrying'; readonly error: CodexTurnError } & OnTurn)
  | ({ readonly kind: 'error'; readonly error: CodexTurnError } & OnTurn)
  | ({ readonly kind: 'diff-updated'; readonly diff: string } & OnTurn)
  | ({
      readonly kind: 'plan-updated'
      readonly explanation: string | null
      readonly steps: readonly PlanStep[]
    } & OnTurn)
  | ({ readonly kind: 'warning'; readonly message: string } & Somewhere)
  | ({ readonly kind: 'server-request'; readonly method: string; readonly reason: string } & Somewhere)
  /** Anything else. `isMalformed`: a method that we know, in a shape that we do not. */
  | ({ readonly kind: 'other'; readonly method: string; readonly isMalformed: boolean } & Somewhere)

export interface PlanStep {
  readonly step: string
  readonly status: string
}

/**
 * Whether the event shows that the model itself has answered something. The others come from Codex's own bookkeeping
 * and arrive without any upstream: `turn-started`, the user's message as an item, `retrying`.
 */
export function isSignOfModel(event: CodexEvent): boolean {
  switch (event.kind) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'command-output':
    case 'token-usage':
    case 'diff-updated':
    case 'plan-updated':
      return true
    case 'item-started':
    case 'item-completed':
      return event.item.kind !== 'user-message' && event.item.kind !== 'other'
    default:
      return false
  }
}

/** A notification of the app-server as an event; never throws. */
export function eventOf(method: string, params: unknown): CodexEvent {
  const read = hasReader(method) ? readers[method] : undefined
  return read?.(params) ?? { kind: 'other', method, isMalformed: read !== undefined, ...placeOf(params) }
}

/** Where a message belongs, as far as it says. */
export function placeOf(params: unknown): { readonly threadId: string | null; readonly codexTurnId: string | null } {
  const place = appServerPlaceSchema.safeParse(params)
  if (!place.success) return { threadId: null, codexTurnId: null }
  return { threadId: place.data.threadId ?? null, codexTurnId: place.data.turnId ?? null }
}

type Method = keyof typeof notifications

/** A reader answers null for params that do not fit the schema. */
function reader<T>(schema: z.ZodType<T>, make: (params: T) => CodexEvent): (params: unknown) => CodexEvent | null {
  return params => {
    const parsed = schema.safeParse(params)
    return parsed.success ? make(parsed.data) : null
  }
}

function hasReader(method: string): method is Method {
  return Object.hasOwn(readers, method)
}

const turnPlace = (params: { readonly threadId: string; readonly turnId: string }): OnTurn => ({
  threadId: params.threadId,
  codexTurnId: params.turnId,
})
const itemPlace = (params: {
  readonly threadId: string
  readonly turnId: string
  readonly itemId: string
}): OnItem => ({
  ...turnPlace(params),
  itemId: params.itemId,
})

const readers: Readonly<Record<Method, (params: unknown) => CodexEvent | null>> = {
  'turn/started': reader(notifications['turn/started'], params => ({
    kind: 'turn-started',
    threadId: params.threadId,
    codexTurnId: params.turn.id,
  })),
  'turn/completed': reader(notifications['turn/completed'], params => ({
    kind: 'turn-completed',
    threadId: params.threadId,
    codexTurnId: params.turn.id,
    status: turnStatusOf(params.turn.status),
    error: params.turn.error ? turnErrorOf(params.turn.error) : null,
  })),
  'item/started': reader(notifications['item/started'], params => ({
    kind: 'item-started',
    ...turnPlace(params),
    item: itemOf(params.item),
  })),
  'item/completed': reader(notifications['item/completed'], params => ({
    kind: 'item-completed',
    ...turnPlace(params),
    item: itemOf(params.item),
  })),
  'item/agentMessage/delta': reader(notifications['item/agentMessage/delta'], params => ({
    kind: 'text-delta',
    ...itemPlace(params),
    delta: params.delta,
  })),
  'item/reasoning/summaryTextDelta': reader(notifications['item/reasoning/summaryTextDelta'], params => ({
    kind: 'reasoning-delta',
    ...itemPlace(params),
    delta: params.delta,
  })),
  'item/reasoning/textDelta': reader(notifications['item/reasoning/textDelta'], params => ({
    kind: 'reasoning-delta',
    ...itemPlace(params),
    delta: params.delta,
  })),
  'item/commandExecution/outputDelta': reader(notifications['item/commandExecution/outputDelta'], params => ({
    kind: 'command-output',
    ...itemPlace(params),
    delta: params.delta,
  })),
  'item/commandExecution/terminalInteraction': reader(
    notifications['item/commandExecution/terminalInteraction'],
    params => ({ kind: 'command-input', ...itemPlace(params), text: params.stdin }),
  ),
  'hook/completed': reader(notifications['hook/completed'], params => {
    const { run, threadId } = params
    const place = { threadId, codexTurnId: params.turnId ?? null }
    const isOurs = run.source === 'sessionFlags' && run.eventName === 'preToolUse'
    if (!isOurs || run.status === 'completed')
      return { kind: 'other', method: 'hook/completed', isMalformed: false, ...place }
    const reason = run.entries.map(entry => entry.text).join('\n')
    return { kind: run.status === 'blocked' ? 'command-denied' : 'command-unchecked', reason, ...place }
  }),
  'thread/tokenUsage/updated': reader(notifications['thread/tokenUsage/updated'], params => ({
    kind: 'token-usage',
    ...turnPlace(params),
    usage: {
      total: tokensOf(params.tokenUsage.total),
      last: tokensOf(params.tokenUsage.last),
      contextWindow: params.tokenUsage.modelContextWindow ?? null,
    },
  })),
  'account/rateLimits/updated': reader(notifications['account/rateLimits/updated'], params => ({
    kind: 'rate-limits',
    threadId: null,
    codexTurnId: null,
    limits: params.rateLimits,
  })),
  error: reader(notifications.error, params => ({
    kind: params.willRetry ? 'retrying' : 'error',
    ...turnPlace(params),
    error: turnErrorOf(params.error),
  })),
  'turn/diff/updated': reader(notifications['turn/diff/updated'], params => ({
    kind: 'diff-updated',
    ...turnPlace(params),
    diff: params.diff,
  })),
  'turn/plan/updated': reader(notifications['turn/plan/updated'], params => ({
    kind: 'plan-updated',
    ...turnPlace(params),
    explanation: params.explanation ?? null,
    steps: params.plan.map(step => ({ step: step.step, status: step.status })),
  })),
  warning: reader(notifications.warning, params => ({
    kind: 'warning',
    threadId: params.threadId ?? null,
    codexTurnId: null,
    message: params.message,
  })),
  configWarning: reader(notifications.configWarning, params => ({
    kind: 'warning',
    threadId: null,
    codexTurnId: null,
    message: params.details ? `${params.summary}: ${params.details}` : params.summary,
  })),
}

function tokensOf(tokens: AppServerTokens): TokenCount {
  return {
    totalTokens: tokens.totalTokens,
    inputTokens: tokens.inputTokens,
    cachedInputTokens: tokens.cachedInputTokens,
    outputTokens: tokens.outputTokens,
    reasoningOutputTokens: tokens.reasoningOutputTokens,
  }
}
