import type { Clock } from '#kernel'
import type { CodexEvent } from './events.ts'
import type { RpcPeer } from './rpc.ts'

export interface Pulse extends Disposable {
  /** Told every event, so that it knows whether turns run. */
  seen(event: CodexEvent): void
}

interface PulseDeps {
  readonly clock: Clock
  /** So long a silence during a turn makes it ask, and so long it waits for the answer. */
  readonly everyMs: number
  readonly lastByteAtMs: () => number
  readonly rpc: Pick<RpcPeer, 'request'>
}

/**
 * A process that is stopped during a turn looks like a model that thinks, unless it is asked something: while a turn runs and
 * not a byte comes, it is asked the smallest thing there is. Any answer shows that it lives, a refusal, too; without one the
 * peer itself finds that it hangs.
 */
export function startPulse({ clock, everyMs, lastByteAtMs, rpc }: PulseDeps): Pulse {
  const turns = new Set<string>()
  let timer: Disposable | undefined
  let isOver = false

  function arm(): void {
    timer?.[Symbol.dispose]()
    timer = clock.after(everyMs, () => void look())
  }

  async function look(): Promise<void> {
    if (isOver || turns.size === 0) return
    if (clock.monotonic() - lastByteAtMs() >= everyMs)
      await rpc.request('thread/loaded/list', {}, { timeoutMs: everyMs }).catch(() => {
        // Hung, it is being ended; late or busy, it is looked at again.
      })
    if (!isOver && turns.size > 0) arm()
  }

  return {
    seen(event) {
      if (event.kind === 'turn-started' && turns.size < maxTurns) {
        turns.add(event.codexTurnId)
        if (turns.size === 1) arm()
      }
      if (event.kind === 'turn-completed') turns.delete(event.codexTurnId)
    },
    [Symbol.dispose]() {
      isOver = true
      timer?.[Symbol.dispose]()
    },
  }
}

/** More than may run at once: what is not completed any more must not be kept for ever. */
const maxTurns = 1000
