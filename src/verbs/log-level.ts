import type { Handler } from './handler.ts'

export const logLevel: Handler<'log_level'> = async ({ logging }, input) => {
  if (input.level !== undefined) logging.setLevel(input.level)
  return { level: logging.level(), configured: logging.configured }
}
