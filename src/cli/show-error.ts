import { AppError, errorShapeOf } from '#kernel'
import type { ErrorKind } from '#kernel'
import { exitCodeOfKind } from './exit-codes.ts'
import type { Output } from './output.ts'
import { jsonLine, plain } from './plain-text.ts'
import type { Session } from './session.ts'

/** Says what failed and answers with the exit code: the only place where a failure becomes either. */
export function showError(session: Pick<Session, 'out' | 'err' | 'isJson'>, error: unknown): number {
  const shape = errorShapeOf(error)
  if (session.isJson) session.out.line(jsonLine({ error: shape }))
  else writeError(session.err, shape)
  return exitCodeOfKind[shape.kind]
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

/** The same failure of a call about a turn that we know: the turn may well go on, so the way back goes with it, unless there is none. */
export function withTurn(error: unknown, turnId: string | null): unknown {
  if (turnId === null || !(error instanceof AppError) || waysLost.has(error.kind)) return error
  const way = `the turn is ${turnId}: \`tandem wait ${turnId}\` comes back to it`
  return new AppError(error.code, error.kind, error.message, {
    hint: error.hint === undefined ? way : `${error.hint}; ${way}`,
    data: { ...error.data, turn_id: turnId },
    cause: error,
  })
}

/** Where the id is what was wrong, it leads nowhere. */
const waysLost: ReadonlySet<ErrorKind> = new Set<ErrorKind>(['missing', 'invalid'])
