import type { Handler } from './handler.ts'

export const archive: Handler<'archive'> = async (deps, input, { caller }) => {
  const agent = await deps.agents.session(input.session_id, { cd: undefined, caller })
  return { thread: await deps.agents.thread(await deps.agents.archive(agent)) }
}
