export { findCodex, isProgram } from './binary.ts'
export type { CodexBinary, FindCodexOptions } from './binary.ts'
export { parseCodexVersion, probeCodexVersion, testedRange } from './version.ts'
export type { CodexVersion, ProbeOptions } from './version.ts'
export { codexEnvironment } from './environment.ts'
export type { EnvironmentOptions } from './environment.ts'
export { providerEnvKeys, readProfile, readProviderEnvKeys, readUserConfig } from './user-config.ts'
export { defaultHostLimits, startCodexHost } from './host.ts'
export type { CodexHost, CodexHostDeps, CodexState, HostLimits } from './host.ts'
export { describeClose } from './open-connection.ts'
export type {
  ApprovalPolicy,
  CloseReason,
  CodexConnection,
  CodexCounts,
  CodexModel,
  HistoryOptions,
  SteerInput,
  ThreadHistory,
  ThreadSettings,
  TurnInput,
} from './connection.ts'
export { findDeniedCommand } from './denied-commands.ts'
export type { DeniedCommand } from './denied-commands.ts'
export type { CodexConfig } from './thread-config.ts'
export { isSignOfModel } from './events.ts'
export type { CodexEvent, PlanStep, TokenCount, TokenUsage } from './events.ts'
export type { CodexItem, CodexTurn, CodexTurnError, CodexTurnStatus, CommandItem, FileChangeItem } from './items.ts'
