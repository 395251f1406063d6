import type { Handler } from './handler.ts'

export const status: Handler<'status'> = async deps => {
  const facts = await deps.facts()
  const { queued, running } = deps.agents.counts
  const { ended } = await deps.store.turns.counts()
  const lastSeq = await deps.store.events.lastSeq()
  const recent = await deps.store.events.after({
    cursor: Math.max(0, lastSeq - recentEvents),
    kinds: ['rate.limits'],
    limit: recentEvents,
  })
  return {
    ...facts,
    node_id: deps.store.nodeId,
    uptime_ms: Math.max(0, deps.clock.now() - facts.started_at),
    turns: { queued, running, ended },
    threads: await deps.store.agents.count(),
    rate_limits: recent.at(-1)?.data ?? null,
  }
}

/** How far back the latest figures of the upstream's rate limits are looked for. */
const recentEvents = 5000
