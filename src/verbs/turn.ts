import type { Handler } from './handler.ts'

export const turn: Handler<'turn'> = async (deps, input) => {
  const found = await deps.agents.turn(input.turn_id)
  return {
    turn: deps.agents.summary(found),
    prompt: found.prompt,
    answer: await deps.agents.answer(found, { allMessages: true }),
  }
}
