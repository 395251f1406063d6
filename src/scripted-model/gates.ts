import { once } from 'node:events'
import { sleep } from '#kernel'

/** Named gates that steps wait at. A gate stays open once it was released. */
export interface Gates {
  release(gate: string): void
  /** Ends when the gate is open, after `maxMs`, or (rejecting) when the signal aborts. */
  pass(gate: string, maxMs: number, signal: AbortSignal): Promise<void>
}

export function createGates(): Gates {
  const gates = new Map<string, AbortController>()
  function gateOf(name: string): AbortController {
    const gate = gates.get(name) ?? new AbortController()
    gates.set(name, gate)
    return gate
  }
  return {
    release: name => gateOf(name).abort(),
    async pass(name, maxMs, signal) {
      const gate = gateOf(name).signal
      if (gate.aborted) return
      const done = new AbortController()
      const ends = AbortSignal.any([signal, done.signal])
      try {
        await Promise.race([once(gate, 'abort', { signal: ends }), sleep(maxMs, ends)])
      } finally {
        done.abort()
      }
    },
  }
}
