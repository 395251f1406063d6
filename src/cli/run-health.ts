import type { Health, HealthState } from '#contracts'
import { exitCodes } from './exit-codes.ts'
import { changesBetween, writeHealth } from './health-view.ts'
import { jsonLine } from './plain-text.ts'
import { pause } from './pause.ts'
import type { Session } from './session.ts'

/** What the exit code says of the whole; that no daemon runs is an answer here, not a failure. */
export const exitCodeOfHealth: Readonly<Record<HealthState, number>> = { healthy: 0, degraded: 1, down: 2 }

export async function runHealth(session: Session, options: { readonly isWatching: boolean }): Promise<number> {
  const health = await session.deps.lifecycle.health()
  show(session, health)
  return options.isWatching ? watch(session, health) : exitCodeOfHealth[health.state]
}

function show(session: Session, health: Health): void {
  if (session.isJson) session.out.line(jsonLine(health))
  else writeHealth(health, session)
}

/** Shows what changes until Ctrl-C, or until nobody reads. */
async function watch(session: Session, first: Health): Promise<number> {
  const { deps, out } = session
  const leaving = new AbortController()
  const left = Promise.withResolvers<number>()
  using _listening = deps.onInterrupt(() => left.resolve(exitCodes.interrupted))
  void out.broken.then(() => left.resolve(exitCodes.readerLeft))
  const watching = watchUntil(leaving.signal, session, first)
  // When we leave first, nobody is interested in how the look under way ends.
  watching.catch(() => undefined)
  try {
    return await Promise.race([watching, left.promise])
  } finally {
    leaving.abort()
  }
}

async function watchUntil(leaving: AbortSignal, session: Session, first: Health): Promise<never> {
  const { deps, out } = session
  let before = first
  for (;;) {
    await pause(deps.clock, watchEveryMs, leaving)
    leaving.throwIfAborted()
    const health = await deps.lifecycle.health(leaving)
    leaving.throwIfAborted()
    const changes = changesBetween(before, health)
    if (session.isJson && changes.length > 0) out.line(jsonLine(health))
    if (!session.isJson) for (const change of changes) out.line(change)
    before = health
  }
}

const watchEveryMs = 1000
