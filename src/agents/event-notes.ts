import type { CodexEvent, CodexItem } from '#codex'
import type { NewEvent, Usage } from '#contracts'

/** Longest text of one event, in UTF-16 units; what is beyond is not kept. */
const maxEventText = 4 * 1024 * 1024
const maxCommandOutput = 4000

/**
 * What is recorded of an event of Codex; null for what leaves no record. Deltas of text are not here: they are gathered
 * first (`TurnRecorder`).
 */
export function noteOf(event: CodexEvent): NewEvent | null {
  switch (event.kind) {
    case 'item-started':
      return startNoteOf(event.item)
    case 'item-completed':
      return itemNoteOf(event.item)
    case 'token-usage':
      return { kind: 'usage', data: usageOf(event.usage.last, event.usage.contextWindow) }
    case 'rate-limits':
      return { kind: 'rate.limits', data: { ...event.limits } }
    case 'retrying':
      return { kind: 'retrying', data: { message: event.error.message.slice(0, 2000) } }
    case 'plan-updated': {
      const steps = event.steps.map(step => `${step.status === 'completed' ? '[x]' : '[ ]'} ${step.step}`)
      return {
        kind: 'plan',
        data: { item_id: 'plan', text: [event.explanation ?? '', ...steps].filter(Boolean).join('\n') },
      }
    }
    case 'warning':
      return { kind: 'warning', data: { message: event.message.slice(0, 2000) } }
    case 'command-denied':
      return { kind: 'declined', data: { request: 'command', reason: event.reason.slice(0, 2000) } }
    case 'server-request':
      return { kind: 'declined', data: { request: event.method, reason: event.reason } }
    default:
      return null
  }
}

function startNoteOf(item: CodexItem): NewEvent | null {
  if (item.kind !== 'command') return null
  return { kind: 'command.started', data: { item_id: item.id, command: item.command.slice(0, maxCommandOutput) } }
}

/** The record of a finished item; also of one that is read from a thread's history after a crash. */
export function itemNoteOf(item: CodexItem): NewEvent | null {
  switch (item.kind) {
    case 'agent-message':
      return { kind: 'message', data: textual(item) }
    case 'reasoning':
      return item.text === '' ? null : { kind: 'reasoning', data: textual(item) }
    case 'plan':
      return { kind: 'plan', data: textual(item) }
    case 'command':
      return {
        kind: 'command.ended',
        data: {
          item_id: item.id,
          command: item.command.slice(0, maxCommandOutput),
          exit_code: item.exitCode,
          duration_ms: item.durationMs,
          output: (item.output ?? '').slice(-maxCommandOutput),
        },
      }
    case 'file-change':
      return {
        kind: 'files.changed',
        data: { item_id: item.id, files: item.changes.map(({ path, change }) => ({ path, change })) },
      }
    case 'tool':
      return { kind: 'tool', data: { item_id: item.id, name: item.name, status: item.status } }
    default:
      return null
  }
}

function textual(item: { readonly id: string; readonly text: string }): { item_id: string; text: string } {
  return { item_id: item.id, text: item.text.slice(0, maxEventText) }
}

interface Tokens {
  readonly totalTokens: number
  readonly inputTokens: number
  readonly cachedInputTokens: number
  readonly outputTokens: number
  readonly reasoningOutputTokens: number
}

function usageOf(tokens: Tokens, contextWindow: number | null): Usage {
  return {
    input_tokens: tokens.inputTokens,
    cached_input_tokens: tokens.cachedInputTokens,
    output_tokens: tokens.outputTokens,
    reasoning_output_tokens: tokens.reasoningOutputTokens,
    total_tokens: tokens.totalTokens,
    model_context_window: contextWindow,
  }
}
