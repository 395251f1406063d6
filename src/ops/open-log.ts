import { pino } from 'pino'
import { errorShapeOf } from '#kernel'
import { openRotatingFile } from './rotating-file.ts'
import type { DestinationStream } from 'pino'
import type { LogLevel } from '#contracts'
import type { Clock, Log, LogFields } from '#kernel'
import type { RotatingFile } from './rotating-file.ts'

export interface LogOptions {
  readonly file: string
  readonly level: LogLevel
  readonly maxBytes: number
  /** How many that were set aside are kept. Default 7. */
  readonly maxFiles?: number
  readonly clock: Clock
  /** Gets the lines that the file does not take. Default: standard error. */
  readonly fallback?: (lines: string) => void
}

export interface OpenLog extends Log, AsyncDisposable {
  level(): LogLevel
  setLevel(level: LogLevel): void
  /** Why lines do not go to the file, or null. Looks, and takes the file up again when it can be written. */
  check(): string | null
}

/**
 * One JSON object a line, from `info` on written before the call returns: what was logged last is there after a crash. Lines of
 * `debug` follow within a tenth of a second, and always before the next of the others.
 * Secrets show as `***`, control characters are escaped, errors are shown with their code, stack and causes.
 */
export function openLog(options: LogOptions): OpenLog {
  const { clock, maxBytes, maxFiles = 7 } = options
  const fallback = options.fallback ?? ((lines: string) => void process.stderr.write(lines))
  const file = openRotatingFile({ file: options.file, maxBytes, maxFiles, clock, fallback })
  const logger = pino(
    {
      level: options.level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: label => ({ level: label }), log: plainFields },
      // Errors are made plain by `plainFields`, whatever member they are in.
      serializers: { err: value => value },
    },
    destinationOf(file),
  )
  let level = options.level
  return {
    debug: (fields, event) => logger.debug(fields, event),
    info: (fields, event) => logger.info(fields, event),
    warn: (fields, event) => logger.warn(fields, event),
    error: (fields, event) => logger.error(fields, event),
    level: () => level,
    setLevel(wanted) {
      level = wanted
      logger.level = wanted
    },
    check: () => file.check(),
    async [Symbol.asyncDispose]() {
      file[Symbol.dispose]()
    },
  }
}

/** With the symbol pino tells the level of the line that it is about to write. */
function destinationOf(file: RotatingFile): DestinationStream & { lastLevel: number } {
  const destination = {
    [Symbol.for('pino.metadata')]: true,
    lastLevel: 0,
    write: (line: string) => file.write(escapeControls(line), destination.lastLevel < levelOfInfo ? 'soon' : 'now'),
  }
  return destination
}

const levelOfInfo = 30

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
