import { AppError, backoffMs, messageOf, sleep } from '#kernel'
import type { Clock, Log } from '#kernel'
import type { Store } from '#store'

/** What a turn that runs needs of the store. */
export interface TurnStore extends Pick<Store, 'commit'> {
  readonly agents: Pick<Store['agents'], 'byId'>
  readonly turns: Pick<Store['turns'], 'byId' | 'list'>
  readonly events: Pick<Store['events'], 'after'>
}

interface ReadDeps {
  readonly clock: Clock
  readonly log: Log
  /** How long one read may take with all its tries. */
  readonly patienceMs: number
  /** Aborts when the turns that run are to pause: each read is tried once more then. */
  readonly pausing: AbortSignal
}

const pause = { firstMs: 100, maxMs: 5000 }

/**
 * The store for turns that run: their reads wait, as their writes do, for a database that is away. A turn that was accepted is not to
 * fail because the store could not be read for a moment. Nor is one that Codex has finished to be run once more, which only reads its end
 * in Codex, because our own row of it could not be read when its outcome was to be stored.
 */
export function createTurnStore(store: TurnStore, deps: ReadDeps): TurnStore {
  const { agents, turns, events } = store
  return {
    commit: work => store.commit(work),
    agents: { byId: id => untilRead(deps, () => agents.byId(id)) },
    turns: {
      byId: id => untilRead(deps, () => turns.byId(id)),
      list: where => untilRead(deps, () => turns.list(where)),
    },
    events: { after: where => untilRead(deps, () => events.after(where)) },
  }
}

async function untilRead<T>({ clock, log, patienceMs, pausing }: ReadDeps, read: () => Promise<T>): Promise<T> {
  const until = clock.monotonic() + patienceMs
  for (let tries = 0; ; tries += 1) {
    try {
      return await read()
    } catch (error) {
      if (failureOf(error) !== 'away' || pausing.aborted || clock.monotonic() >= until) throw error
      log.warn({ error: messageOf(error), tries }, 'a read will be tried again')
    }
    await sleep(backoffMs(tries, pause), pausing).catch(() => undefined /* It is to pause: one more try. */)
  }
}

/**
 * What a read or write that failed says. `away`: the store may work in a moment. `closed`: it stays so; the daemon stops, and the next
 * start takes the turn up. `asked`: it works, but does not take what was asked of it.
 */
export function failureOf(error: unknown): 'away' | 'closed' | 'asked' {
  if (!(error instanceof AppError) || (error.kind !== 'unavailable' && error.kind !== 'busy')) return 'asked'
  return error.code === 'STORE_CLOSED' ? 'closed' : 'away'
}
