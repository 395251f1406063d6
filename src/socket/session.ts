import type { HelloResult, VerbCaller } from '#contracts'
import type { Log } from '#kernel'
import type { CallBudget } from './call-budget.ts'

/** What a session needs of its connection and of the door. */
export interface SessionDeps {
  readonly verbs: VerbCaller
  readonly identity: () => HelloResult
  /** Where a plain question without a directory runs. */
  readonly homeDir: string
  readonly budget: CallBudget
  /** Why no new work is taken, or undefined while it is. */
  readonly stopping: () => string | undefined
  /** One line to the client; does nothing when it is gone. */
  readonly send: (message: object) => void
  /** Ends the connection after what was sent. */
  readonly end: () => void
  readonly log: Log
}

/** One client's conversation in one of the two protocols of the socket. */
export interface Session {
  /** A parsed line. `isBare`: it came without a newline, so its sender reads one answer and no more. */
  accept(frame: unknown, isBare: boolean): void
  /** A line that is no frame: answers it. */
  refuse(error: unknown): void
  /** Calls that wait. */
  readonly calls: number
  /** The client left: its waiting ends, the work does not. */
  detach(): void
  /** The door closes: every open call is answered with `error`. Resolves when none is left. */
  close(error: Error): Promise<void>
}
