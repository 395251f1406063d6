import type { Handler } from './handler.ts'

export const shutdown: Handler<'shutdown'> = async (deps, input) => {
  const { pid } = await deps.facts()
  const { running } = deps.agents.counts
  deps.shutdown({ graceMs: input.grace_ms, reason: input.reason })
  return { pid, running }
}
