export { callerSchema } from './caller.ts'
export type { Caller, CallOptions, VerbCaller } from './caller.ts'
export { configSchema } from './config.ts'
export type { Config, ConfigInput } from './config.ts'
export { isOfConfiguration } from './configuration-errors.ts'
export { errorFromShape, errorOfTurn, errorShapeFrom, inputInvalid } from './errors.ts'
export { fileProblems } from './file-problems.ts'
export { eventDataSchemas, eventSchema } from './events.ts'
export type { EventData, EventKind, NewEvent, WireEvent } from './events.ts'
export { storeCopySchema } from './store-copy.ts'
export type { StoreCopy } from './store-copy.ts'
export { claudeReportSchema, claudeScopes, findingsSchema } from './findings.ts'
export type { ClaudeChange, ClaudeReport, ClaudeScope, Finding, FindingsReport } from './findings.ts'
export { healthSchema, healthStates, logLevels } from './health.ts'
export type { Health, HealthState, LogLevel, PartHealth } from './health.ts'
export { callerHeaders, callerOfHeaders, httpBase, httpFileSchema } from './http.ts'
export type { HttpFile } from './http.ts'
export { logDayOf, setAsideLogs, setAsideName } from './log-files.ts'
export { maxSocketPathBytes, placesOf } from './places.ts'
export type { Places, PlacesEnvironment } from './places.ts'
export { defaultPolicy, policySchema } from './policy.ts'
export type { Policy, PolicyInput } from './policy.ts'
export { problemOf } from './problems.ts'
export { programPlaces } from './program-places.ts'
export type { ProgramSearch } from './program-places.ts'
export { defaultSettings, settingsChangeSchema, settingsSchema } from './settings.ts'
export type { Settings, SettingsChange } from './settings.ts'
export {
  addressFileSchema,
  answerFrameSchema,
  callParamsSchema,
  detachParamsSchema,
  eventFrameSchema,
  helloParamsSchema,
  helloResultSchema,
  requestFrameSchema,
  plainFrameSchema,
  socketProtocol,
} from './socket.ts'
export type { AnswerFrame, HelloParams, HelloResult, RequestFrame } from './socket.ts'
export {
  effortSchema,
  efforts,
  errorSchema,
  proposedDiffSchema,
  sandboxSchema,
  sandboxes,
  turnAnswerSchema,
  turnStatuses,
  usageSchema,
} from './turn.ts'
export type {
  ProposedDiff,
  Sandbox,
  ThreadSummary,
  TurnAnswer,
  TurnMessage,
  TurnStatus,
  TurnSummary,
  Usage,
} from './turn.ts'
export { isVerbName, verbNames, verbs } from './verbs/index.ts'
export type { ParsedInput, VerbInput, VerbName, VerbOutput } from './verbs/index.ts'
export { maxPromptBytes } from './verbs/ask.ts'
export type { CommandShape, RouteShape, ToolShape, VerbDescription } from './verbs/description.ts'
export {
  appServerNotifications,
  appServerPlaceSchema,
  appServerResults,
  codexUserConfigSchema,
  initializeResultSchema,
  rpcMessageSchema,
} from './app-server.ts'
export type {
  AppServerItem,
  AppServerTokens,
  AppServerTurn,
  AppServerTurnError,
  CodexUserConfig,
  RpcMessage,
} from './app-server.ts'
