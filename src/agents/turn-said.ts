import type { Usage } from '#contracts'
import { usageSchema } from '#contracts'

/** What a turn came to, as far as its answer needs it. */
export interface Said {
  readonly text: string
  readonly usage: Usage | null
  /** Codex used a tool, or may have. */
  readonly didWork: boolean
}

/** The last one: a crash may have swallowed the record of a command. */
export const signsOfWork: readonly string[] = [
  'command.started',
  'command.ended',
  'files.changed',
  'tool',
  'turn.reconciled',
]

/** Keeps of the events of a turn what its answer will be made of, so that nothing has to be read again at its end. */
export interface SaidSoFar {
  hear(note: { readonly kind: string; readonly data: Readonly<Record<string, unknown>> }): void
  /** The text is the last message; of a turn that did not complete, what it had written of the next one. */
  say(options: { readonly isCompleted: boolean }): Said
}

export function createSaidSoFar(): SaidSoFar {
  let message: string | undefined
  // What was written since, of each message that has no end yet; the latest is the one that was begun last.
  const parts = new Map<unknown, string>()
  let latest: unknown
  let usage: Usage | null = null
  let calls = 0
  let hasSign = false
  return {
    hear({ kind, data }) {
      const text = typeof data['text'] === 'string' ? data['text'] : ''
      if (kind === 'message') {
        message = text
        parts.clear()
      } else if (kind === 'text') {
        latest = data['item_id']
        parts.set(latest, (parts.get(latest) ?? '') + text)
      } else if (kind === 'usage') {
        const next = usageSchema.parse(data)
        usage = usage === null ? next : addUsage(usage, next)
        calls += 1
      } else hasSign ||= signsOfWork.includes(kind)
    },
    say({ isCompleted }) {
      const written = parts.get(latest) ?? ''
      const said = isCompleted ? (message ?? written) : written || message
      // A command that the sandbox denied leaves no item (0.169.0), but it makes another call of the model.
      return { text: said ?? '', usage, didWork: calls > 1 || hasSign }
    },
  }
}

export function addUsage(sum: Usage, next: Usage): Usage {
  return {
    input_tokens: sum.input_tokens + next.input_tokens,
    cached_input_tokens: sum.cached_input_tokens + next.cached_input_tokens,
    output_tokens: sum.output_tokens + next.output_tokens,
    reasoning_output_tokens: sum.reasoning_output_tokens + next.reasoning_output_tokens,
    total_tokens: sum.total_tokens + next.total_tokens,
    model_context_window: next.model_context_window ?? sum.model_context_window,
  }
}
