import type { AgentId, NodeId, TurnId } from '#kernel'
import type { Store, StoredEvent } from '#store'

export interface FollowFilter {
  readonly turnId?: TurnId | undefined
  readonly agentId?: AgentId | undefined
  /** Another node's: what is stored is passed, and nothing live. */
  readonly nodeId?: NodeId | undefined
}

/** How many events are read at once while catching up. */
const pageSize = 500

/**
 * Passes every event after the cursor, once and in order: first the stored ones, then each as it comes. Dispose to stop.
 * The listener must not be slow: what a reader cannot take is its own to buffer and to bound.
 */
export async function followEvents(
  store: Pick<Store, 'events' | 'onEvents'>,
  filter: FollowFilter,
  cursor: number,
  listener: (event: StoredEvent) => void,
): Promise<Disposable> {
  let last = cursor
  let isCaughtUp = false
  const early: StoredEvent[] = []
  const pass = (event: StoredEvent): void => {
    if (event.seq <= last) return
    last = event.seq
    listener(event)
  }
  const subscription = store.onEvents(events => {
    const mine = events.filter(event => matches(event, filter))
    if (isCaughtUp) mine.forEach(pass)
    else early.push(...mine)
  })
  try {
    for (;;) {
      const page = await store.events.after({ cursor: last, ...defined(filter), limit: pageSize })
      page.forEach(pass)
      if (page.length < pageSize) break
    }
  } catch (error) {
    subscription[Symbol.dispose]()
    throw error
  }
  early.forEach(pass)
  isCaughtUp = true
  return subscription
}

function matches(event: StoredEvent, filter: FollowFilter): boolean {
  if (filter.turnId !== undefined && event.turnId !== filter.turnId) return false
  return filter.agentId === undefined || event.agentId === filter.agentId
}

function defined(filter: FollowFilter): { turnId?: TurnId; agentId?: AgentId; nodeId?: NodeId } {
  return {
    ...(filter.turnId === undefined ? {} : { turnId: filter.turnId }),
    ...(filter.agentId === undefined ? {} : { agentId: filter.agentId }),
    ...(filter.nodeId === undefined ? {} : { nodeId: filter.nodeId }),
  }
}
