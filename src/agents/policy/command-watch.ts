import { findDeniedCommand } from '#codex'
import type { CodexEvent, DeniedCommand } from '#codex'
import type { AppError } from '#kernel'
import { commandUnchecked, policyDeniedTyped } from './errors.ts'

/** Looks at what Codex (0.169.0) does not ask about before it does it. */
export interface CommandWatch {
  /** Why the turn must end now, if it must. */
  see(event: CodexEvent): AppError | undefined
}

/** What was typed into one command is looked at as one text; what is longer has been looked at before. */
const maxTyped = 16 * 1024
const maxCommands = 200

/**
 * For a turn for which commands are denied: what it types into a running shell comes to nobody's check before it is there, and a check
 * that failed lets its command run. Both are seen when they have happened, so all that is left is to end the turn with its commands.
 */
export function createCommandWatch(denied: readonly DeniedCommand[]): CommandWatch {
  const typed = new Map<string, string>()
  return {
    see(event) {
      if (denied.length === 0) return undefined
      if (event.kind === 'command-unchecked') return commandUnchecked(event.reason)
      if (event.kind !== 'command-input') return undefined
      const text = `${typed.get(event.itemId) ?? ''}${event.text}`.slice(-maxTyped)
      if (typed.has(event.itemId) || typed.size < maxCommands) typed.set(event.itemId, text)
      // What a return key sends.
      const found = findDeniedCommand(text.replaceAll('\r', '\n'), denied)
      return found === undefined ? undefined : policyDeniedTyped(found.words)
    },
  }
}
