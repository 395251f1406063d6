import { isOfConfiguration } from '#contracts'
import type { TurnAnswer } from '#contracts'
import type { ErrorKind, ErrorShape } from '#kernel'

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
  /** Something that was looked at is not as it should be. */
  problem: 1,
  /** A daemon in this terminal could not put everything away. */
  stopFailed: 71,
  /** The wait ended first; the turn goes on. The same as `busy`: come back later. */
  stillRunning: 75,
  /** What is wrong is the configuration or the installation: nothing helps before it is cured. */
  configuration: 78,
  /** Ctrl-C, or a turn that was interrupted. */
  interrupted: 130,
  /** Whoever read the output left. */
  readerLeft: 141,
} as const

/** Exit code of a command that failed: what `tandem check` calls a matter of the configuration is one everywhere. */
export function exitCodeOfError({ code, kind }: Pick<ErrorShape, 'code' | 'kind'>): number {
  return isOfConfiguration(code) ? exitCodes.configuration : exitCodeOfKind[kind]
}

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

const meaningOfKind: Readonly<Record<ErrorKind, string>> = {
  invalid: 'wrong arguments',
  missing: 'there is no such thing',
  unavailable: 'a part is not available',
  bug: 'a fault in Tandem itself',
  conflict: 'in conflict with what is there',
  busy: 'busy: come back in a moment',
  denied: 'not allowed',
  timeout: 'a deadline passed',
}

export const configurationWrong = 'the configuration or the installation is wrong: see `tandem check`'

/** What asks the daemon for work, and starts it, can fail in every way. */
const everyFailure: readonly ErrorKind[] = [
  'invalid',
  'missing',
  'unavailable',
  'conflict',
  'busy',
  'denied',
  'timeout',
]

/** Every exit code and what it says, in their order; a command has some of them (`exitStatusOf`). */
export const exitCodeMeanings: readonly (readonly [number, string])[] = [
  [exitCodes.ok, 'done'],
  [
    exitCodes.problem,
    'the turn failed (ask, wait, result), something is wrong (check, doctor, demo), degraded (health)',
  ],
  [exitCodeOfKind.invalid, `${meaningOfKind.invalid}; health: down`],
  [exitCodeOfKind.missing, meaningOfKind.missing],
  [exitCodeOfKind.unavailable, meaningOfKind.unavailable],
  [exitCodeOfKind.bug, meaningOfKind.bug],
  [exitCodes.stopFailed, 'the daemon could not put everything away (up --foreground)'],
  [exitCodeOfKind.conflict, meaningOfKind.conflict],
  [exitCodeOfKind.busy, 'busy, or the turn still runs (ask, wait, result): come back later'],
  [exitCodeOfKind.denied, meaningOfKind.denied],
  [exitCodes.configuration, `${configurationWrong}; the daemon could not start (up --foreground)`],
  [exitCodeOfKind.timeout, meaningOfKind.timeout],
  [exitCodes.interrupted, 'left or cancelled with Ctrl-C, or the turn was interrupted'],
  [exitCodes.readerLeft, 'whoever read the output left'],
]

/** Those that a command can end with; what it says of one itself goes before the general meaning. */
export function exitStatusOf(entry: {
  readonly exitStatus?: readonly (readonly [number, string])[]
  readonly failures?: readonly ErrorKind[]
}): readonly (readonly [number, string])[] {
  const failures: readonly ErrorKind[] = ['bug', ...(entry.failures ?? everyFailure)]
  const meanings = new Map([
    [exitCodes.ok, 'done'],
    [exitCodeOfKind.invalid, 'wrong arguments'],
    [exitCodes.configuration, configurationWrong],
    ...failures.map(kind => [exitCodeOfKind[kind], meaningOfKind[kind]] as const),
    [exitCodes.interrupted, 'left with Ctrl-C'],
    [exitCodes.readerLeft, 'whoever read the output left'],
    ...(entry.exitStatus ?? []),
  ])
  return [...meanings].sort(([a], [b]) => a - b)
}
