import type { Handler } from './handler.ts'

export const threads: Handler<'threads'> = async (deps, input) => ({
  threads: [...(await deps.agents.threads({ cd: input.cd, withArchived: input.archived, limit: input.limit }))],
})
