import { pino } from 'pino'
import { errorShapeOf } from '#kernel'
import { openRotatingFile } from './rotating-file.ts'
import type { Clock, Log, LogFields } from '#kernel'

export interface LogOptions {
  readonly file: string
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly maxBytes: number
  readonly clock: Clock
  /** Gets the lines that the file does not take. Default: standard error. */
  readonly fallback?: (line: string) => void
}

export interface OpenLog extends Log, AsyncDisposable {}

/**
 * One JSON object a line, written before the call returns: what was logged last is there after a crash.
 * Secrets show as `***`, control characters are escaped, errors are shown with their code, stack and causes.
 */
export function openLog(options: LogOptions): OpenLog {
  const fallback = options.fallback ?? ((line: string) => void process.stderr.write(line))
  const file = openRotatingFile({ file: options.file, maxBytes: options.maxBytes, fallback })
  const logger = pino(
    {
      level: options.level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date(options.clock.now()).toISOString()}"`,
      formatters: { level: label => ({ level: label }), log: plainFields },
      // Errors are made plain by `plainFields`, whatever member they are in.
      serializers: { err: value => value },
    },
    { write: line => file.write(escapeControls(line)) },
  )
  return {
    debug: (fields, event) => logger.debug(fields, event),
    info: (fields, event) => logger.info(fields, event),
    warn: (fields, event) => logger.warn(fields, event),
    error: (fields, event) => logger.error(fields, event),
    async [Symbol.asyncDispose]() {
      file[Symbol.dispose]()
    },
  }
}

function plainFields(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plainOf(value, 0)]))
}

function plainOf(value: unknown, depth: number): unknown {
  if (!(value instanceof Error)) return value
  const cause = value.cause === undefined || depth >= 4 ? {} : { cause: plainOf(value.cause, depth + 1) }
  return { ...errorShapeOf(value), stack: value.stack, ...cause }
}

/** JSON escapes what is below a space; this does the rest that a terminal would act on: DEL, C1, line separators, bidi overrides. */
function escapeControls(line: string): string {
  return line.replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
