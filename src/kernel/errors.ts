const errorKinds = ['invalid', 'denied', 'missing', 'conflict', 'busy', 'unavailable', 'timeout', 'bug'] as const

/** What sort of failure it is. Each door has one table from kind to its own status; nothing else chooses one. */
export type ErrorKind = (typeof errorKinds)[number]

/** A kind that came from outside; one that only another version knows counts as a bug. */
export const errorKindOf = (text: string): ErrorKind => errorKinds.find(kind => kind === text) ?? 'bug'

export type ErrorData = Readonly<Record<string, unknown>>

export interface AppErrorOptions {
  /** What the person can do about it: one sentence, lower case, no full stop. */
  readonly hint?: string
  /** Machine-readable values of the message. Never a secret. */
  readonly data?: ErrorData
  readonly cause?: unknown
}

/** A failure with a stable code (listed in docs/errors.md). Made by the factories in each room's `errors.ts`. */
export class AppError extends Error {
  readonly code: string
  readonly kind: ErrorKind
  readonly hint: string | undefined
  readonly data: ErrorData

  constructor(code: string, kind: ErrorKind, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.kind = kind
    this.hint = options.hint
    this.data = options.data ?? {}
  }
}

// A type alias, not an interface: only an alias fits schemas that let further members through.
export type ErrorShape = {
  readonly code: string
  readonly kind: ErrorKind
  readonly message: string
  readonly hint?: string
  readonly data?: ErrorData
}

/** The plain object of an error that may cross a process: no stack, no cause. Anything that is not an `AppError` is a bug. */
export function errorShapeOf(error: unknown): ErrorShape {
  if (!(error instanceof AppError)) return errorShapeOf(fault(error))
  return {
    code: error.code,
    kind: error.kind,
    message: error.message,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(Object.keys(error.data).length === 0 ? {} : { data: error.data }),
  }
}

/** Anything that is not an `AppError`, as one: a fault of our own. */
export const fault = (cause: unknown): AppError =>
  new AppError('BUG', 'bug', messageOf(cause), { hint: bugHint, cause })

/** The message of anything that can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The `code` of a Node system error ("ENOENT"), or undefined. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/**
 * DESCRIPTORS_EXHAUSTED when a system error says that no more files may be open, else undefined: nothing is wrong with the
 * one that was to be opened then.
 */
export function descriptorsExhausted(error: unknown, doing: string): AppError | undefined {
  const code = systemCodeOf(error)
  if (code !== 'EMFILE' && code !== 'ENFILE') return undefined
  const whose = code === 'EMFILE' ? 'this process' : 'this machine'
  return new AppError('DESCRIPTORS_EXHAUSTED', 'busy', `${doing} failed: ${whose} has as many files open as it may`, {
    hint: 'end some clients, then try again; for a higher limit of the daemon: ulimit -n 65536; tandem restart',
    data: { system_code: code },
    cause: error,
  })
}

/** A signal's reason as an error that says who gave up. */
export const cancelled = (what: string, cause?: unknown): AppError =>
  new AppError('CANCELLED', 'unavailable', `${what} was cancelled by its caller`, { cause })

const bugHint = 'this is a fault in Tandem itself: please report it with the lines of `tandem logs` around it'
