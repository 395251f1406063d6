import type { Handler } from './handler.ts'

export const thread: Handler<'thread'> = async (deps, input, { caller }) => {
  const agent = await deps.agents.session(input.session_id, { cd: undefined, caller })
  const turns = await deps.store.turns.list({ agentId: agent.id, limit: 500 })
  return { thread: await deps.agents.thread(agent), turns: turns.map(turn => deps.agents.summary(turn)) }
}
