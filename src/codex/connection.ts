import type { Sandbox } from '#contracts'
import type { DeniedCommand } from './denied-commands.ts'
import type { CodexEvent } from './events.ts'
import type { CodexTurn } from './items.ts'
import type { CodexConfig } from './thread-config.ts'

/** Why a connection is over. */
export type CloseReason =
  | {
      readonly kind: 'exited'
      readonly code: number | null
      readonly signal: string | null
      readonly stderrTail: string
    }
  /** It answered nothing in time, and was killed. */
  | { readonly kind: 'hung'; readonly method: string; readonly waitedMs: number }
  /** It sent what no reader can take, and was killed. */
  | { readonly kind: 'broken'; readonly problem: string }
  /** We ended it. */
  | { readonly kind: 'stopped'; readonly why: string }

export type ApprovalPolicy = 'never' | 'on-request' | 'untrusted'

export interface ThreadSettings {
  readonly cwd: string
  readonly sandbox: Sandbox
  readonly model?: string | undefined
  readonly provider?: string | undefined
  /** Default `never`. */
  readonly approvalPolicy?: ApprovalPolicy | undefined
  readonly developerInstructions?: string | undefined
  readonly baseInstructions?: string | undefined
  /** Further configuration, such as a profile. `model`, `cwd`, sandbox and approval policy above win over it. */
  readonly config?: CodexConfig | undefined
  /** The user's MCP servers that stay on; default none. */
  readonly mcpServers?: readonly string[] | undefined
}

export interface TurnInput {
  readonly threadId: string
  /** Comes back in the history: use our own turn id. */
  readonly clientMessageId: string
  readonly text: string
  /** Absolute paths. */
  readonly images?: readonly string[] | undefined
  readonly cwd: string
  readonly sandbox: Sandbox
  /** Whether commands reach the network, with workspace-write; default not. */
  readonly network?: boolean | undefined
  readonly approvalPolicy?: ApprovalPolicy | undefined
  /** Commands that Codex must not start; CODEX_COMMANDS_UNGUARDED when it could not be kept from them. */
  readonly deniedCommands?: readonly DeniedCommand[] | undefined
  /** Model, effort and summary are sticky in Codex: left out, the thread goes on with those of its last turn. */
  readonly model?: string | undefined
  readonly effort?: string | undefined
  readonly summary?: 'auto' | 'concise' | 'detailed' | 'none' | undefined
  readonly outputSchema?: unknown
}

export interface SteerInput {
  readonly threadId: string
  readonly codexTurnId: string
  readonly text: string
  readonly clientMessageId?: string | undefined
}

export interface ThreadHistory {
  readonly threadId: string
  /** The latest turns, oldest first. */
  readonly turns: readonly CodexTurn[]
  /** False when older turns were left out. */
  readonly isComplete: boolean
}

export interface CodexModel {
  readonly id: string
  readonly isHidden: boolean
  readonly isDefault: boolean
  readonly efforts: readonly string[]
  readonly defaultEffort: string | null
}

export interface CodexCounts {
  /** Lines that were not JSON-RPC. */
  readonly malformedLines: number
  /** Messages of a known method in an unknown shape. */
  readonly malformedMessages: number
  /** How often each method came that we do not read (the first 200 methods). */
  readonly unread: Readonly<Record<string, number>>
}

/** One running app-server. It is not closed by its users; when `closed` resolves, every pending request has failed. */
export interface CodexConnection {
  /** Rises with every process that the host starts. */
  readonly generation: number
  readonly pid: number
  readonly version: string
  readonly closed: Promise<CloseReason>
  readonly counts: CodexCounts
  /** When it last said anything at all (monotonic milliseconds). */
  lastByteAtMs(): number
  /** A thread will be started in this directory in a moment: what can be asked before is asked now. */
  expectThread(cwd: string): void
  startThread(settings: ThreadSettings): Promise<{ readonly threadId: string; readonly model: string | null }>
  /** Loads the thread and tells its last turns (default 8). This, and not `readThread`, is right after a crash. */
  resumeThread(threadId: string, settings: ThreadSettings, options?: HistoryOptions): Promise<ThreadHistory>
  /** Without loading it. Of a thread that was cut it may miss what was written last. */
  readThread(threadId: string, options?: HistoryOptions): Promise<ThreadHistory>
  /** What `startTurn` does before it tells Codex anything, ahead of it: the same commands cost nothing there. CODEX_COMMANDS_UNGUARDED. */
  denyCommands(threadId: string, denied: readonly DeniedCommand[]): Promise<void>
  /** On a busy thread this steers the running turn instead, without saying so: never call it then. */
  startTurn(input: TurnInput): Promise<{ readonly codexTurnId: string }>
  steerTurn(input: SteerInput): Promise<void>
  /** Commands go on: `cleanBackgroundTerminals` ends them. */
  interruptTurn(turn: { readonly threadId: string; readonly codexTurnId: string }): Promise<void>
  cleanBackgroundTerminals(threadId: string): Promise<void>
  /** A running turn is interrupted by this. */
  archiveThread(threadId: string): Promise<void>
  unarchiveThread(threadId: string): Promise<void>
  /** Codex's own catalogue; works offline. A custom provider may know models that are not in it. */
  listModels(): Promise<readonly CodexModel[]>
  onEvent(listener: (event: CodexEvent) => void): Disposable
}

export interface HistoryOptions {
  readonly maxTurns?: number | undefined
}

export interface ConnectionLimits {
  /** For an ordinary request. Nothing at all in this time: the process counts as hung. */
  readonly requestTimeoutMs: number
  /** For requests that may read a long history. */
  readonly slowRequestTimeoutMs: number
  /** How long to wait for an older process to let go of a thread. */
  readonly writerWaitMs: number
}
