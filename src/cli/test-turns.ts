import type { TurnAnswer, WireEvent } from '#contracts'
import { acceptedEvent, createHarness, sessionId, turnAnswer, wireEvent } from './test-harness.ts'
import type { FakeCall, Harness, HarnessOptions } from './test-harness.ts'

/* Turns that the tests of following one play. */

/** Plays events one by one, then the answer. */
export const playing =
  (events: readonly WireEvent[], answer: TurnAnswer = turnAnswer()): ((call: FakeCall) => TurnAnswer) =>
  ({ options }) => {
    for (const event of events) options.onEvent?.(event)
    return answer
  }

/** A daemon whose turn does not end; `cancel` ends it. */
export function hanging(
  options: HarnessOptions = {},
  cancelled: () => unknown = () => turnAnswer({ success: false, status: 'interrupted' }),
): Harness {
  return createHarness({
    ...options,
    answer: call => {
      if (call.verb === 'cancel') return cancelled()
      call.options.onEvent?.(acceptedEvent)
      return new Promise(() => undefined)
    },
  })
}

export const usage: NonNullable<TurnAnswer['usage']> = {
  input_tokens: 12_000,
  cached_input_tokens: 0,
  output_tokens: 345,
  reasoning_output_tokens: 0,
  total_tokens: 12_345,
  model_context_window: null,
}

/** Of every kind of event one at least, as a turn has them that was cut once. */
export const story: readonly WireEvent[] = [
  acceptedEvent,
  wireEvent(2, 'session.created', { session_id: sessionId }),
  wireEvent(3, 'turn.started', { attempt: 1, why: 'start', codex_turn_id: 'c1' }),
  wireEvent(4, 'reasoning', { item_id: 'r1', text: 'Look for login first' }),
  wireEvent(5, 'command.started', { item_id: 'c1', command: 'rg login' }),
  wireEvent(6, 'command.ended', {
    item_id: 'c1',
    command: 'rg login',
    exit_code: 0,
    duration_ms: 300,
    output: 'auth.ts',
  }),
  wireEvent(7, 'retrying', { message: 'HTTP 429' }),
  wireEvent(8, 'turn.reconciled', { decision: 'continued', reason: 'the app-server ended' }),
  wireEvent(9, 'turn.started', { attempt: 2, why: 'continue', codex_turn_id: 'c2' }),
  wireEvent(10, 'command.ended', {
    item_id: 'c2',
    command: 'npm test',
    exit_code: 1,
    duration_ms: 2300,
    output: 'a\nb\n',
  }),
  wireEvent(11, 'files.changed', { item_id: 'f1', files: [{ path: 'auth.ts', change: 'update' }] }),
  wireEvent(12, 'usage', usage),
  wireEvent(13, 'text', { item_id: 'm1', text: 'The login is\nchec' }),
  wireEvent(14, 'text', { item_id: 'm1', text: 'ked in ' }),
  wireEvent(15, 'message', { item_id: 'm1', text: 'The login is\nchecked in auth.ts.' }),
  wireEvent(16, 'turn.ended', { status: 'completed', error: null }),
]

/** What `story` ends with. */
export const answer: TurnAnswer = turnAnswer({
  agent_messages: 'The login is\nchecked in auth.ts.',
  usage,
  diff: 'diff --git a/auth.ts b/auth.ts\n--- a/auth.ts\n+++ b/auth.ts\n',
  proposed_diff: { patch: '', applies: false, files: [{ path: 'x.ts', applies: false, reason: 'line 3' }] },
})

/** What a command with --json wrote, line by line. */
export const linesOf = (harness: Harness): readonly unknown[] =>
  harness
    .stdout()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as unknown)
