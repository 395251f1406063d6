import type { CodexEvent, CodexItem } from '#codex'

/** Items of a turn that only talks. */
const talk: ReadonlySet<CodexItem['kind']> = new Set(['user-message', 'agent-message', 'reasoning', 'plan'])
/** Events that there are without a tool, or that say nothing of one. */
const quiet: ReadonlySet<CodexEvent['kind']> = new Set([
  'turn-started',
  'turn-completed',
  'text-delta',
  'reasoning-delta',
  'rate-limits',
  'retrying',
  'error',
  'plan-updated',
  'warning',
  'other',
])

/**
 * Whether Codex may be using a tool now, told event by event. A command that the sandbox denied leaves no item (0.169.0); but the
 * call of the model that wanted it ended without a message, or was not the last one.
 */
export function createWorkWatch(): (event: CodexEvent) => boolean {
  let calls = 0
  let hasMessage = false
  return event => {
    if (event.kind === 'item-started' || event.kind === 'item-completed') {
      if (event.kind === 'item-completed') hasMessage ||= event.item.kind === 'agent-message'
      return !talk.has(event.item.kind)
    }
    if (event.kind === 'token-usage') {
      calls += 1
      return calls > 1 || !hasMessage
    }
    return !quiet.has(event.kind)
  }
}
