import { AppError, backoffMs, messageOf, sleep } from '#kernel'
import type { Clock, Log } from '#kernel'
import type { Store } from '#store'

/** What a turn that runs needs of the store. */
export interface TurnStore extends Pick<Store, 'commit'> {
  readonly agents: Pick<Store['agents'], 'byId'>
  readonly turns: Pick<Store['turns'], 'byId' | 'list'>
  readonly events: Pick<Store['events'], 'after'>
}

interface Patience {
  readonly clock: Clock
  readonly log: Log
  /** How long one read may take with all its tries. */
  readonly patienceMs: number
}

const pause = { firstMs: 100, maxMs: 5000 }

/**
 * The store for turns that run: their reads wait, as their writes do, for a database that is away. A turn that was accepted is not to
 * fail because the store could not be read for a moment, nor to be looked up in Codex because its end could not be told.
 */
export function createTurnStore(store: TurnStore, patience: Patience): TurnStore {
  const { agents, turns, events } = store
  return {
    commit: work => store.commit(work),
    agents: { byId: id => patiently(patience, () => agents.byId(id)) },
    turns: {
      byId: id => patiently(patience, () => turns.byId(id)),
      list: where => patiently(patience, () => turns.list(where)),
    },
    events: { after: where => patiently(patience, () => events.after(where)) },
  }
}

async function patiently<T>({ clock, log, patienceMs }: Patience, read: () => Promise<T>): Promise<T> {
  const until = clock.monotonic() + patienceMs
  for (let tries = 0; ; tries += 1) {
    try {
      return await read()
    } catch (error) {
      if (!isPassing(error) || clock.monotonic() >= until) throw error
      log.warn({ error: messageOf(error), tries }, 'a read will be tried again')
      await sleep(backoffMs(tries, pause))
    }
  }
}

/** A store that may work in a moment. A closed one stays closed: the daemon stops, and the next start takes the turn up. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof AppError) || error.code === 'STORE_CLOSED') return false
  return error.kind === 'unavailable' || error.kind === 'busy'
}
