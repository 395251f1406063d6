import { sleep } from '#kernel'
import type { Health, HealthState } from '#contracts'
import { exitCodes } from './exit-codes.ts'
import { changesBetween, writeHealth } from './health-view.ts'
import { jsonLine } from './plain-text.ts'
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
  let code: number = exitCodes.ok
  const leave = (reason: number): void => {
    code = reason
    leaving.abort()
  }
  using _listening = deps.onInterrupt(() => leave(exitCodes.interrupted))
  void out.broken.then(() => leave(exitCodes.readerLeft))
  let before = first
  while (!leaving.signal.aborted) {
    await sleep(watchEveryMs, leaving.signal).catch(stopWatching)
    if (leaving.signal.aborted) break
    const health = await deps.lifecycle.health()
    const changes = changesBetween(before, health)
    if (session.isJson && changes.length > 0) out.line(jsonLine(health))
    if (!session.isJson) for (const change of changes) out.line(change)
    before = health
  }
  return code
}

/** The signal is how one leaves: no failure. */
const stopWatching = (): void => undefined

const watchEveryMs = 1000
