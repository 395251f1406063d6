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

/** Every exit code of a command and what it says, in their order. */
export const exitCodeMeanings: readonly (readonly [number, string])[] = [
  [exitCodes.ok, 'done'],
  [exitCodes.turnFailed, 'the turn failed, or completed with an error'],
  [exitCodeOfKind.invalid, 'wrong arguments'],
  [exitCodeOfKind.missing, 'there is no such thing'],
  [exitCodeOfKind.unavailable, 'a part is not available'],
  [exitCodeOfKind.bug, 'a fault in Tandem itself'],
  [exitCodeOfKind.conflict, 'in conflict with what is there'],
  [exitCodeOfKind.busy, 'busy, or the turn still runs: come back later'],
  [exitCodeOfKind.denied, 'not allowed'],
  [exitCodeOfKind.timeout, 'a deadline passed'],
  [exitCodes.interrupted, 'left or cancelled with Ctrl-C, or the turn was interrupted'],
  [exitCodes.readerLeft, 'whoever read the output left'],
]

/** Those that a command can end with; what it says of one itself goes before the general meaning. */
export function exitStatusOf(entry: {
  readonly exitStatus?: readonly (readonly [number, string])[]
}): readonly (readonly [number, string])[] {
  const own = new Map(entry.exitStatus)
  const general = exitCodeMeanings.filter(([code]) => code !== exitCodes.turnFailed && !own.has(code))
  return [...own, ...general].sort(([a], [b]) => a - b)
}
