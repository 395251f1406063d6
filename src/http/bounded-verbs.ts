import { createOpenCalls } from './open-calls.ts'
import type { VerbCaller } from '#contracts'

/** The same verbs, for what comes through this door by another protocol: at most `max` calls wait at once (HTTP_TOO_MANY_CALLS). */
export function boundedVerbs(verbs: VerbCaller, max: number): VerbCaller {
  const calls = createOpenCalls(max)
  return {
    call: (verb, input, options) =>
      calls.run(options.signal ?? new AbortController().signal, signal =>
        verbs.call(verb, input, { ...options, signal }),
      ),
  }
}
