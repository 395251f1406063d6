import { logLevels } from '#contracts'
import type { LogLevel } from '#contracts'
import { InvalidArgumentError } from 'commander'
import { jsonOrNull, recordSchema } from './log-lines.ts'

/**
 * Which lines of the log are wanted. A line that is not one of the logger's own is what a crashing program left: as bad as an
 * error, and as late as the line before it.
 */
export function logFilter(wanted: {
  readonly level: LogLevel | undefined
  readonly sinceMs: number | undefined
}): (line: string) => boolean {
  const { level = 'debug', sinceMs = -Infinity } = wanted
  let isLate = true
  return line => {
    const record = recordSchema.safeParse(jsonOrNull(line))
    if (record.success) isLate = Date.parse(record.data.time) >= sinceMs
    return isLate && severityOf(record.data?.level ?? 'error') >= severityOf(level)
  }
}

/** What is worse than an error, or not known, is always shown. */
function severityOf(level: string): number {
  const at = logLevels.findIndex(known => known === level)
  return at === -1 ? logLevels.length : at
}

/** A moment, or how long ago: `90s`, `10m`, `2h`, `3d`. Answers with how to find it, since the clock is the caller's. */
export function parseSince(text: string): (nowMs: number) => number {
  const [, amount, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const factor = unit === undefined ? undefined : unitMs[unit]
  if (factor !== undefined) return nowMs => nowMs - Number(amount) * factor
  const moment = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(moment)) throw new InvalidArgumentError('it is 90s, 10m, 2h, 3d, or a time as 2026-01-31T12:00:00Z')
  return () => moment
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
