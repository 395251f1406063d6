export {
  AppError,
  cancelled,
  descriptorsExhausted,
  errorKindOf,
  errorShapeOf,
  fault,
  messageOf,
  systemCodeOf,
} from './errors.ts'
export type { AppErrorOptions, ErrorData, ErrorKind, ErrorShape } from './errors.ts'
export { asAgentId, asNodeId, asThreadId, asTurnId, newAgentId, newNodeId, newTurnId } from './ids.ts'
export type { AgentId, NodeId, ThreadId, TurnId } from './ids.ts'
export { createFakeClock, systemClock } from './clock.ts'
export type { Clock, FakeClock } from './clock.ts'
export { backoffMs, sleep, within } from './waiting.ts'
export type { BackoffOptions, Bounded } from './waiting.ts'
export { Secret } from './secret.ts'
export { createEmitter } from './signals.ts'
export type { Emitter } from './signals.ts'
export { silentLog } from './log.ts'
export type { Log, LogFields } from './log.ts'
export { plain, plainLine } from './plain-text.ts'
export { shellQuote, shellWord } from './shell-quote.ts'
export { isNestedDeeper, maxNesting } from './nesting.ts'
