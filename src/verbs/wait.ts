import type { Handler } from './handler.ts'
import { followTurn } from './handler.ts'

export const wait: Handler<'wait'> = async (deps, input, options) => {
  const turn = await deps.agents.turn(input.turn_id)
  using _following = await followTurn(deps, turn.id, { ...options, cursor: input.cursor })
  const after = await deps.agents.wait(turn.id, { timeoutMs: input.wait_ms, signal: options.signal })
  return deps.agents.answer(after, { allMessages: input.return_all_messages })
}
