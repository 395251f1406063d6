export { inspectStore } from './inspect-store.ts'
export type { StoreInspection } from './inspect-store.ts'
export { mayEndWithDaemon } from './errors.ts'
export { openStore } from './open-store.ts'
export type { Store, StoreLimits, StoreOptions, Work } from './store.ts'
export {
  insertAgent,
  insertThread,
  insertTurn,
  markThreadLost,
  putSettings,
  updateAgent,
  updateTurn,
} from './changes.ts'
export type { AgentPatch, TurnPatch } from './changes.ts'
export type { Change } from './change.ts'
export { queuedTurn } from './rows.ts'
export type {
  AcceptedTurn,
  AgentRow,
  Attempt,
  EventInput,
  JsonObject,
  StoredEvent,
  ThreadRow,
  TurnRow,
} from './rows.ts'
export type { AgentQueries } from './agent-queries.ts'
export type { TurnCounts, TurnQueries } from './turn-queries.ts'
export type { EventFilter, EventQueries } from './event-queries.ts'
export type { SettingsQueries } from './settings-queries.ts'
export { copyStore } from './copy-store.ts'
export type { StorePlace } from './copy-store.ts'
