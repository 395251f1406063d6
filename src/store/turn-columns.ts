import { errorSchema, errorShapeFrom, proposedDiffSchema, usageSchema } from '#contracts'
import type { ErrorShape } from '#kernel'
import { z } from 'zod'
import { jsonColumn, jsonText, objectColumn, parsedColumn } from './json-columns.ts'
import type { TurnRow } from './rows.ts'
import type { TurnColumns } from './tables.ts'

const attemptsSchema = z.array(
  z.object({
    number: z.number(),
    clientMessageId: z.string(),
    why: z.enum(['start', 'continue', 'rerun']),
    codexTurnId: z.string().nullable(),
    startedAt: z.number(),
  }),
)

export function turnColumnsOf(row: TurnRow): TurnColumns {
  return {
    ...row,
    request: JSON.stringify(row.request),
    caller: JSON.stringify(row.caller),
    attempts: JSON.stringify(row.attempts),
    output: jsonText(row.output) ?? null,
    usage: jsonText(row.usage) ?? null,
    proposedDiff: jsonText(row.proposedDiff) ?? null,
    error: jsonText(row.error) ?? null,
    sessionRestarted: row.sessionRestarted ? 1 : 0,
  }
}

/** The columns of a part of a row; what it does not name is undefined, which Kysely leaves alone. */
export function turnPatchColumnsOf(patch: Partial<TurnRow>): {
  readonly [Column in keyof TurnColumns]?: TurnColumns[Column] | undefined
} {
  const { request, caller, attempts, output, usage, proposedDiff, error, sessionRestarted, ...plain } = patch
  return {
    ...plain,
    request: jsonText(request) ?? undefined,
    caller: jsonText(caller) ?? undefined,
    attempts: jsonText(attempts) ?? undefined,
    output: jsonText(output),
    usage: jsonText(usage),
    proposedDiff: jsonText(proposedDiff),
    error: jsonText(error),
    sessionRestarted: sessionRestarted === undefined ? undefined : Number(sessionRestarted),
  }
}

export function turnRowOf(columns: TurnColumns): TurnRow {
  return {
    ...columns,
    request: objectColumn(columns.request),
    caller: objectColumn(columns.caller),
    attempts: parsedColumn(attemptsSchema, columns.attempts) ?? [],
    output: jsonColumn(columns.output),
    usage: parsedColumn(usageSchema, columns.usage),
    proposedDiff: parsedColumn(proposedDiffSchema, columns.proposedDiff),
    error: errorOf(columns.error),
    sessionRestarted: columns.sessionRestarted !== 0,
  }
}

function errorOf(text: string | null): ErrorShape | null {
  const error = parsedColumn(errorSchema, text)
  return error === null ? null : errorShapeFrom(error)
}
