import { randomUUID } from 'node:crypto'
import { verbs as descriptions } from '#contracts'
import { AppError } from '#kernel'
import type { VerbName, WireEvent } from '#contracts'

/**
 * One call across several connections: what to send (again), and which events its caller has not had yet.
 * An ask always carries an idempotency key, so that sending it again finds the turn of the first time.
 */
export interface RepeatableCall {
  /** The input to send now: less time to wait than at first, and from the last seen event on. */
  input(): unknown
  readonly onEvent: ((event: WireEvent) => void) | undefined
  /** Sending it again cannot do anything twice. */
  readonly mayRepeat: boolean
}

export function createRepeatableCall(options: {
  readonly verb: VerbName
  readonly input: Readonly<Record<string, unknown>>
  readonly onEvent: ((event: WireEvent) => void) | undefined
  readonly elapsedMs: () => number
}): RepeatableCall {
  const { verb, onEvent } = options
  const given = verb === 'ask' ? { idempotency_key: randomUUID(), ...defined(options.input) } : options.input
  const waitMs = waitMsOf(verb, given)
  let isFirst = true
  let lastSeq = 0

  return {
    // A shutdown that was heard cut the connection: repeating it would start a daemon only to stop it.
    mayRepeat: verb === 'ask' || (descriptions[verb].annotations.isIdempotent && verb !== 'shutdown'),
    input() {
      if (isFirst) {
        isFirst = false
        return given
      }
      const left = waitMs === undefined ? {} : { wait_ms: Math.max(0, Math.round(waitMs - options.elapsedMs())) }
      return { ...given, ...left, ...(follows(verb, given) && lastSeq > 0 ? { cursor: lastSeq } : {}) }
    },
    onEvent:
      onEvent === undefined
        ? undefined
        : event => {
            if (event.seq <= lastSeq) return
            lastSeq = event.seq
            onEvent(event)
          },
  }
}

/** The connection ended before the answer came; an upgrade ends it by design, and who was idle a moment ago is wanted again. */
export function isInterruption(error: unknown): boolean {
  if (!(error instanceof AppError)) return false
  if (error.code === 'DAEMON_CONNECTION_LOST') return true
  return error.code === 'DAEMON_STOPPING' && (error.data['reason'] === 'upgrade' || error.data['reason'] === 'idle')
}

/** Whether the events of a repeated call may begin after the last one seen. A page of events must stay the page it was. */
function follows(verb: VerbName, input: Readonly<Record<string, unknown>>): boolean {
  return verb === 'wait' || (verb === 'events' && input['follow'] === true)
}

/** How long the verb waits with this input, its default included; undefined when it does not wait. */
function waitMsOf(verb: VerbName, input: unknown): number | undefined {
  const parsed = descriptions[verb].input.safeParse(input)
  if (!parsed.success || !('wait_ms' in parsed.data)) return undefined
  return parsed.data.wait_ms
}

/** A key that is there but undefined must not hide ours. */
function defined(input: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
}
