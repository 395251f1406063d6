import { resolveDirectory } from '#agents'
import type { Handler } from './handler.ts'

export const turns: Handler<'turns'> = async (deps, input, { caller }) => {
  const agent =
    input.session_id === undefined ? undefined : await deps.agents.session(input.session_id, { cd: undefined, caller })
  const found = await deps.store.turns.list({
    limit: input.limit,
    ...(agent === undefined ? {} : { agentId: agent.id }),
    ...(input.status === undefined ? {} : { status: input.status }),
    ...(input.cd === undefined ? {} : { cwd: await resolveDirectory(input.cd) }),
  })
  return { turns: found.map(turn => deps.agents.summary(turn)) }
}
