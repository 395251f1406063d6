import type { AppServerItem, AppServerTurn, AppServerTurnError } from '#contracts'

/** What a turn is made of. Long command output and diffs keep their last 64 Ki characters. */
export type CodexItem =
  | { readonly kind: 'user-message'; readonly id: string; readonly clientId: string | null; readonly text: string }
  | { readonly kind: 'agent-message'; readonly id: string; readonly text: string; readonly phase: string | null }
  | { readonly kind: 'reasoning'; readonly id: string; readonly text: string }
  | { readonly kind: 'plan'; readonly id: string; readonly text: string }
  | CommandItem
  | FileChangeItem
  | { readonly kind: 'tool'; readonly id: string; readonly name: string; readonly status: string }
  | { readonly kind: 'other'; readonly id: string; readonly type: string }

export interface CommandItem {
  readonly kind: 'command'
  readonly id: string
  readonly command: string
  readonly cwd: string
  readonly status: string
  readonly exitCode: number | null
  readonly durationMs: number | null
  readonly output: string | null
}

export interface FileChangeItem {
  readonly kind: 'file-change'
  readonly id: string
  readonly status: string
  readonly changes: readonly { readonly path: string; readonly change: string; readonly diff: string }[]
}

export interface CodexTurnError {
  readonly message: string
  /** Codex's own name of the cause ("contextWindowExceeded"), when it gave one. */
  readonly code: string | null
  readonly httpStatus: number | null
  readonly details: string | null
}

export type CodexTurnStatus = 'completed' | 'interrupted' | 'failed' | 'running'

/** A turn as the thread's own history has it. */
export interface CodexTurn {
  readonly codexTurnId: string
  readonly status: CodexTurnStatus
  readonly error: CodexTurnError | null
  readonly items: readonly CodexItem[]
  /** The `clientMessageId`s of its user messages: how a turn of ours is recognised. */
  readonly clientMessageIds: readonly string[]
  readonly startedAtMs: number | null
  readonly endedAtMs: number | null
}

export function turnOf(turn: AppServerTurn): CodexTurn {
  const items = turn.items.map(itemOf)
  return {
    codexTurnId: turn.id,
    status: turnStatusOf(turn.status),
    error: turn.error ? turnErrorOf(turn.error) : null,
    items,
    clientMessageIds: items.flatMap(item => (item.kind === 'user-message' && item.clientId ? [item.clientId] : [])),
    startedAtMs: secondsToMs(turn.startedAt),
    endedAtMs: secondsToMs(turn.completedAt),
  }
}

/** A status that we do not know yet is taken for a failure: it must never look like success. */
export function turnStatusOf(status: string): CodexTurnStatus {
  if (status === 'completed' || status === 'interrupted') return status
  return status === 'inProgress' ? 'running' : 'failed'
}

export function turnErrorOf(error: AppServerTurnError): CodexTurnError {
  const info = error.codexErrorInfo ?? null
  const [code, detail] =
    typeof info === 'object' && info !== null ? (Object.entries(info)[0] ?? [null, null]) : [info, null]
  return { message: error.message, code, httpStatus: httpStatusIn(detail), details: error.additionalDetails ?? null }
}

export function itemOf(item: AppServerItem): CodexItem {
  const make = Object.hasOwn(makers, item.type) ? makers[item.type] : undefined
  return make?.(item) ?? { kind: 'other', id: item.id, type: item.type }
}

const makers: Readonly<Record<string, (item: AppServerItem) => CodexItem>> = {
  userMessage: item => ({
    kind: 'user-message',
    id: item.id,
    clientId: item.clientId ?? null,
    text: textIn(item.content),
  }),
  agentMessage: item => ({ kind: 'agent-message', id: item.id, text: item.text ?? '', phase: item.phase ?? null }),
  plan: item => ({ kind: 'plan', id: item.id, text: item.text ?? '' }),
  reasoning: item => ({ kind: 'reasoning', id: item.id, text: item.summary?.join('\n\n') || textIn(item.content) }),
  commandExecution: commandOf,
  fileChange: fileChangeOf,
  mcpToolCall: toolOf,
  dynamicToolCall: toolOf,
  collabAgentToolCall: toolOf,
  webSearch: toolOf,
}

function toolOf(item: AppServerItem): CodexItem {
  return { kind: 'tool', id: item.id, name: toolNameOf(item), status: item.status ?? '' }
}

function commandOf(item: AppServerItem): CommandItem {
  return {
    kind: 'command',
    id: item.id,
    command: item.command ?? '',
    cwd: item.cwd ?? '',
    status: item.status ?? '',
    exitCode: item.exitCode ?? null,
    durationMs: item.durationMs ?? null,
    output: item.aggregatedOutput?.slice(-maxTextLength) ?? null,
  }
}

function fileChangeOf(item: AppServerItem): FileChangeItem {
  const changes = (item.changes ?? []).map(change => ({
    path: change.path,
    change: change.kind?.type ?? 'update',
    diff: (change.diff ?? '').slice(-maxTextLength),
  }))
  return { kind: 'file-change', id: item.id, status: item.status ?? '', changes }
}

function toolNameOf(item: AppServerItem): string {
  if (item.type === 'webSearch') return item.query ? `web search: ${item.query}` : 'web search'
  return [item.server, item.tool].filter(part => part).join('.') || item.type
}

function textIn(content: AppServerItem['content']): string {
  return (content ?? []).map(part => (typeof part === 'string' ? part : (part.text ?? ''))).join('')
}

function httpStatusIn(detail: unknown): number | null {
  if (typeof detail !== 'object' || detail === null || !('httpStatusCode' in detail)) return null
  return typeof detail.httpStatusCode === 'number' ? detail.httpStatusCode : null
}

function secondsToMs(seconds: number | null | undefined): number | null {
  return typeof seconds === 'number' ? seconds * 1000 : null
}

const maxTextLength = 65_536
