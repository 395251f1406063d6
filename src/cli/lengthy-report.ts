import { AppError, cancelled, plainLine } from '#kernel'
import type { CommandEntry, Line } from './command-entry.ts'
import { exitCodes } from './exit-codes.ts'
import { reporting } from './report-command.ts'
import type { Report } from './report-command.ts'
import type { Session } from './session.ts'

/** What such a command is told while it works, and what it is to tell. */
export interface Work {
  /** For a person: how far it is. */
  readonly onStep: (step: string) => void
  /** Aborts at Ctrl-C, with CANCELLED. */
  readonly signal: AbortSignal
}

export interface LengthyReport<R> extends Omit<Report<R>, 'ask'> {
  readonly ask: (session: Session, line: Line, work: Work) => Promise<R>
  /** What is said when it was left. */
  readonly whenLeft?: string
}

/** `run` of a command that takes a while: its steps go to stderr, though not with --json, and Ctrl-C ends it in order. */
export function reportingAtLength<R>({ ask, whenLeft, ...report }: LengthyReport<R>): CommandEntry['run'] {
  return async (session, line) => {
    const { deps, err, isJson } = session
    const leaving = new AbortController()
    using _listening = deps.onInterrupt(() => leaving.abort(cancelled('the command')))
    const onStep = (step: string): void => void (isJson || err.line(plainLine(step)))
    const work: Work = { onStep, signal: leaving.signal }
    try {
      return await reporting({ ...report, ask: () => ask(session, line, work) })(session, line)
    } catch (error) {
      // What else failed after Ctrl-C did not end in order: it is told.
      if (!leaving.signal.aborted || !(error instanceof AppError) || error.code !== 'CANCELLED') throw error
      if (whenLeft !== undefined) onStep(whenLeft)
      return exitCodes.interrupted
    }
  }
}
