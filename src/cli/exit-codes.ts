import type { TurnAnswer } from '#contracts'
import type { ErrorKind } from '#kernel'

/** The one table from a failure's kind to an exit code; after sysexits.h where it has a word for it. */
export const exitCodeOfKind: Readonly<Record<ErrorKind, number>> = {
  invalid: 2,
  missing: 66,
  unavailable: 69,
  bug: 70,
  conflict: 73,
  busy: 75,
  denied: 77,
  timeout: 124,
}

export const exitCodes = {
  ok: 0,
  /** The turn failed, or its result is an error. */
  turnFailed: 1,
  /** The wait ended first; the turn goes on. The same as `busy`: come back later. */
  stillRunning: 75,
  /** Ctrl-C, or a turn that was interrupted. */
  interrupted: 130,
  /** Whoever read the output left. */
  readerLeft: 141,
} as const

/** Exit code of a command that reports how a turn went. */
export function exitCodeOfTurn(answer: TurnAnswer): number {
  if (answer.status === 'completed') return answer.success ? exitCodes.ok : exitCodes.turnFailed
  return exitCodeOfUnfinished[answer.status]
}

const exitCodeOfUnfinished: Readonly<Record<Exclude<TurnAnswer['status'], 'completed'>, number>> = {
  queued: exitCodes.stillRunning,
  running: exitCodes.stillRunning,
  failed: exitCodes.turnFailed,
  interrupted: exitCodes.interrupted,
}

/** Part of the program's help. */
export const exitCodesHelp = [
  'Exit codes:',
  '    0  done                          70  a fault in Tandem itself',
  '    1  the turn failed               73  in conflict with what is there',
  '    2  wrong arguments               75  busy, or the turn still runs: come back',
  '   66  there is no such thing        77  not allowed',
  '   69  a part is not available      124  a deadline passed',
  '  130  Ctrl-C, or an interrupted turn; 141  the reader of the output left',
].join('\n')
