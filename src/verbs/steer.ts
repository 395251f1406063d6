import type { Handler } from './handler.ts'

export const steer: Handler<'steer'> = async (deps, input, { caller }) =>
  deps.agents.answer(await deps.agents.steer(input.turn_id, input.message, caller))
