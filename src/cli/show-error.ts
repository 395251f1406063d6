import { errorOfTurn } from '#contracts'
import { errorShapeOf, plain } from '#kernel'
import type { ErrorKind } from '#kernel'
import { exitCodeOfError } from './exit-codes.ts'
import type { Output } from './output.ts'
import { jsonLine } from './plain-text.ts'
import type { Session } from './session.ts'

/** Says what failed and answers with the exit code: the only place where a failure becomes either. */
export function showError(session: Pick<Session, 'out' | 'err' | 'isJson'>, error: unknown): number {
  const shape = errorShapeOf(error)
  if (session.isJson) session.out.line(jsonLine({ error: shape }))
  else writeError(session.err, shape)
  return exitCodeOfError(shape)
}

/** An `ErrorShape`, or the error of a turn. */
export interface ShownError {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
}

/** Three lines for a person: what, the cure, and the code to look up. */
export function writeError(err: Output, shape: ShownError): void {
  err.line(`${err.paint.red('tandem:')} ${plain(shape.message)}`)
  if (shape.hint !== undefined) err.line(`  cure: ${plain(shape.hint)}`)
  err.line(`  code: ${plain(shape.code)}`)
}

/** With the way back to the turn, when it is known and there is one. */
export function withTurn(error: unknown, turnId: string | null): unknown {
  if (turnId === null || waysLost.has(errorShapeOf(error).kind)) return error
  return errorOfTurn(error, { turn_id: turnId }, `the turn is ${turnId}: \`tandem wait ${turnId}\` comes back to it`)
}

/** Where the id is what was wrong, it leads nowhere. */
const waysLost: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['missing', 'invalid'])
