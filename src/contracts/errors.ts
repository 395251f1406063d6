import { AppError, errorKindOf, errorShapeOf } from '#kernel'
import type { ErrorShape } from '#kernel'
import type { z } from 'zod'
import { fieldsOf, problemOf } from './problems.ts'
import type { errorSchema } from './turn.ts'
import type { VerbDescription } from './verbs/description.ts'
import { isVerbName, verbs } from './verbs/index.ts'

/**
 * Input that does not follow its schema: each member, as its caller knows it, and what is wrong with it.
 * `what` is a verb, or another frame of the socket; `nameOf` tells the caller's name of a member of ours.
 */
export function inputInvalid(
  what: string,
  error: z.ZodError,
  nameOf: (field: string) => string = field => field,
): AppError {
  const issues = error.issues.slice(0, 10)
  const subjectOf = ([first, ...rest]: readonly string[]): string =>
    first === undefined ? what : [nameOf(first), ...rest].join('.')
  const problems = issues.map(issue => problemOf(issue, subjectOf(issue.path.map(String))))
  const command = commandOf(what)
  return new AppError('INPUT_INVALID', 'invalid', problems.join('; '), {
    hint:
      command === undefined
        ? `docs/verbs.md says what is taken; correct ${what} and send it again`
        : `see \`tandem help ${command}\` for what it takes`,
    data: { fields: issues.flatMap(fieldsOf) },
  })
}

function commandOf(what: string): string | undefined {
  if (!isVerbName(what)) return undefined
  const verb: VerbDescription = verbs[what]
  return verb.doors.cli?.command
}

/** The error of an answer, a file or a row: without the members that another version added. */
export function errorShapeFrom({ code, kind, message, hint, data }: z.infer<typeof errorSchema>): ErrorShape {
  return {
    code,
    kind: errorKindOf(kind),
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(data === undefined ? {} : { data }),
  }
}

/** An error that came over a wire, made throwable again. */
export function errorFromShape(shape: ErrorShape): AppError {
  return new AppError(shape.code, shape.kind, shape.message, {
    ...(shape.hint === undefined ? {} : { hint: shape.hint }),
    ...(shape.data === undefined ? {} : { data: shape.data }),
  })
}

/**
 * The same failure of a call about a turn that is known: the turn may well go on, so its ids and the way back to it go along.
 * `ids` and `way` are in the words of the caller's door.
 */
export function errorOfTurn(error: unknown, ids: Readonly<Record<string, string>>, way: string): AppError {
  const { code, kind, message, hint, data } = errorShapeOf(error)
  return new AppError(code, kind, message, {
    hint: hint === undefined ? way : `${hint}; ${way}`,
    data: { ...data, ...ids },
    cause: error,
  })
}
