import type { Handler } from './handler.ts'

export const cancel: Handler<'cancel'> = async (deps, input, { caller }) =>
  deps.agents.answer(await deps.agents.cancel(input.turn_id, caller.client ?? caller.door))
