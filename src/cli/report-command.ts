import { exitCodes } from './exit-codes.ts'
import { jsonLine } from './plain-text.ts'
import type { CommandEntry, Line } from './command-entry.ts'
import type { Session } from './session.ts'

/** A command that asks once and shows what it got. */
export interface Report<R> {
  readonly ask: (session: Session, line: Line) => Promise<R>
  /** For a person; with --json the report goes out as it is. */
  readonly show: (report: R, session: Session) => void
  /** Default: 0. */
  readonly exitCodeOf?: (report: R) => number
}

/** `run` of such a command's entry. */
export function reporting<R>({ ask, show, exitCodeOf = () => exitCodes.ok }: Report<R>): CommandEntry['run'] {
  return async (session, line) => {
    const report = await ask(session, line)
    if (session.isJson) session.out.line(jsonLine(report))
    else show(report, session)
    return exitCodeOf(report)
  }
}
