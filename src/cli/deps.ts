import type { DownOutcome, ReadLogOptions, RestartOutcome, UpOptions, UpOutcome } from '#client'
import type {
  Caller,
  Health,
  ClaudeReport,
  ClaudeScope,
  FindingsReport,
  Sandbox,
  StoreCopy,
  VerbCaller,
} from '#contracts'
import type { Clock } from '#kernel'

/** `process.stdout` and `process.stderr` are such. */
export interface OutputStream {
  readonly isTTY?: boolean | undefined
  /** Read anew for every line: a terminal is resized. */
  readonly columns?: number | undefined
  write(text: string, done: (error?: Error | null) => void): boolean
  on(event: 'error', listener: (error: Error) => void): unknown
  off(event: 'error', listener: (error: Error) => void): unknown
}

/**
 * Standard input, touched only by `read`.
 * `pipe` is a FIFO or a file, which ends by itself; `other` (a socket, a device) may never end and is read only when
 * there is no prompt on the command line.
 */
export interface InputStream {
  readonly kind: 'terminal' | 'pipe' | 'other'
  read(): AsyncIterable<Uint8Array | string>
}

/** Starting, stopping and reading the log of the daemon, as the commands `up`, `down` and `logs` need it. */
export interface Lifecycle {
  /** Resolves when the daemon answers; in the foreground, when it has ended. */
  up(options: UpOptions): Promise<UpOutcome>
  /** Resolves when its process is gone. */
  down(): Promise<DownOutcome>
  /** Resolves when a daemon with this process's environment answers. */
  restart(): Promise<RestartOutcome>
  readLog(options: ReadLogOptions): Promise<void>
  /** Also that none runs, or that it does not answer; within some seconds, or CANCELLED with the signal. */
  health(signal?: AbortSignal): Promise<Health>
}

/** Commands that are programs of their own. Each loads its code when called and answers with an exit code. `demo` reads its own arguments. */
export interface LocalCommands {
  demo(argv: readonly string[]): Promise<number>
  mcp(): Promise<number>
  /** POLICY_NOT_BY_AGENT, POLICY_INVALID, POLICY_NOT_EDITABLE. */
  policyAllow(grant: PolicyGrant): Promise<PolicyAllowed>
  check(): Promise<FindingsReport>
  doctor(request: DoctorRequest): Promise<FindingsReport>
  /** STORE_IN_USE, STORE_NOT_EMPTY. `from` left out: the store that is in use. `onStep` hears how far it is. */
  storeCopy(request: StoreCopyRequest): Promise<StoreCopy>
  claudeInstall(options: ClaudeInstallRequest): Promise<ClaudeReport>
  claudeUninstall(options: Omit<ClaudeInstallRequest, 'isForced'>): Promise<ClaudeReport>
}

/** Each a file or a URL of Postgres. */
export interface StoreCopyRequest {
  readonly to: string
  readonly from: string | undefined
  readonly onStep: (step: string) => void
  /** Ends it with nothing copied: CANCELLED. */
  readonly signal: AbortSignal
}

export interface DoctorRequest {
  /** Hears what is being done. */
  readonly onStep: (step: string) => void
  /** Ends it in order: CANCELLED. */
  readonly signal: AbortSignal
}

export interface ClaudeInstallRequest {
  readonly scope: ClaudeScope
  /** Files of the user's that are in the way are set aside until the removal. */
  readonly isForced: boolean
  readonly isDryRun: boolean
}

/** What a person allows; with directories it holds in these only. They are absolute. */
export interface PolicyGrant {
  readonly sandbox?: Sandbox
  readonly network?: boolean
  readonly directories: readonly string[]
}

export interface PolicyAllowed {
  readonly file: string
  readonly changes: readonly string[]
}

/** Everything the command line needs from the process it runs in. */
export interface CliDeps {
  readonly version: string
  /** Absolute. */
  readonly cwd: string
  readonly caller: Caller
  /** Rejects with an `AppError`; with `startDaemon` it starts one that is not there. The caller disposes what it gets. */
  readonly connect: (options: { readonly startDaemon: boolean }) => Promise<VerbCaller & AsyncDisposable>
  readonly lifecycle: Lifecycle
  readonly local: LocalCommands
  readonly stdin: InputStream
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly environment: CliEnvironment
  readonly clock: Clock
  /** While somebody listens, Ctrl-C does not end the program; otherwise it does. */
  readonly onInterrupt: (listener: () => void) => Disposable
  readonly readFile: (path: string) => Promise<string>
}

export interface CliEnvironment {
  readonly NO_COLOR?: string | undefined
  readonly FORCE_COLOR?: string | undefined
  readonly TERM?: string | undefined
}
