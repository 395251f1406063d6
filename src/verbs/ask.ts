import type { Handler } from './handler.ts'
import { followTurn } from './handler.ts'

export const ask: Handler<'ask'> = async (deps, input, options) => {
  const { turn } = await deps.agents.accept(input, options.caller)
  using _following = await followTurn(deps, turn.id, options)
  const after = await deps.agents.wait(turn.id, { timeoutMs: input.wait_ms, signal: options.signal })
  return deps.agents.answer(after, { allMessages: input.return_all_messages })
}
