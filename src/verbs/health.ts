import type { Handler } from './handler.ts'

export const health: Handler<'health'> = deps => deps.health()
