/** The logger that rooms are given: an event name and fields. Bodies and prompts only at `debug`, and only when enabled. */
export interface Log {
  debug(fields: LogFields, event: string): void
  info(fields: LogFields, event: string): void
  warn(fields: LogFields, event: string): void
  error(fields: LogFields, event: string): void
}

export type LogFields = Readonly<Record<string, unknown>>

const ignore = (): void => undefined

/** Writes nothing: for programs that have no log (the thin clients) and for tests. */
export const silentLog: Log = { debug: ignore, info: ignore, warn: ignore, error: ignore }
