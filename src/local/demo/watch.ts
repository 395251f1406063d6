import { createEmitter, messageOf, sleep } from '#kernel'
import { demoTimedOut } from './errors.ts'
import type { Client } from '#client'
import type { Caller, WireEvent } from '#contracts'
import type { Clock } from '#kernel'

/** Follows what the daemon records, over its death too. Disposing ends the following. */
export interface Watch extends AsyncDisposable {
  readonly events: readonly WireEvent[]
  /** The first event that fits, of those that came and those to come. DEMO_TIMED_OUT; an abort rejects with its reason. */
  waitFor(what: string, fits: (event: WireEvent) => boolean, options: WatchWait): Promise<WireEvent>
}

export interface WatchWait {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export const demoCaller: Caller = { door: 'cli', client: 'tandem demo' }

/** `client` never starts a daemon: that somebody else does it is what the demo shows. */
export function watchEvents(client: Client, clock: Clock, onEvent: (event: WireEvent) => void): Watch {
  const events: WireEvent[] = []
  const arrivals = createEmitter<WireEvent>(() => undefined)
  const leaving = new AbortController()
  const following = follow(client, leaving.signal, event => {
    if (events.length < maxEvents) events.push(event)
    onEvent(event)
    arrivals.emit(event)
  })
  return {
    events,
    waitFor(what, fits, { timeoutMs, signal }) {
      const seen = events.find(fits)
      if (seen !== undefined) return Promise.resolve(seen)
      return new Promise((resolve, reject) => {
        const leave = (): void => settle(() => reject(signal.reason))
        const giveUp = clock.after(timeoutMs, () => settle(() => reject(demoTimedOut(what, timeoutMs))))
        const arrival = arrivals.listen(event => {
          if (fits(event)) settle(() => resolve(event))
        })
        const settle = (done: () => void): void => {
          giveUp[Symbol.dispose]()
          arrival[Symbol.dispose]()
          signal.removeEventListener('abort', leave)
          done()
        }
        signal.addEventListener('abort', leave, { once: true })
        if (signal.aborted) leave()
      })
    },
    async [Symbol.asyncDispose]() {
      leaving.abort()
      await following
    },
  }
}

async function follow(client: Client, signal: AbortSignal, onEvent: (event: WireEvent) => void): Promise<void> {
  for (let cursor = 0; !signal.aborted;) {
    try {
      const request = { caller: demoCaller, signal }
      const page = await client.call('events', { cursor, limit: 1000, wait_ms: 2000 }, request)
      page.events.forEach(onEvent)
      cursor = page.cursor
    } catch {
      // No daemon, not yet or not now: what matters is in its store, and comes when it is back.
      await sleep(100, signal).catch(messageOf)
    }
  }
}

const maxEvents = 10_000
