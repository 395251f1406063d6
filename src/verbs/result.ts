import type { Handler } from './handler.ts'

export const result: Handler<'result'> = async (deps, input) => {
  const turn = await deps.agents.turn(input.turn_id)
  return deps.agents.answer(turn, {
    allMessages: input.return_all_messages,
    offset: input.offset,
    maxChars: input.max_chars,
  })
}
