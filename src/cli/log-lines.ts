import { z } from 'zod'
import { plain, plainLine } from '#kernel'
import type { Output } from './output.ts'
import { jsonLine } from './plain-text.ts'

/** Lines of the daemon's log for a person: time, level, event, fields. With `isRaw` as they are in the file. */
export function writeLogText(out: Output, text: string, options: { readonly isRaw: boolean }): void {
  for (const line of text.split('\n').filter(part => part !== '')) {
    out.line(options.isRaw ? plain(line) : readable(line))
  }
}

/** As `ops` writes it: the level's name, and the time in ISO 8601. */
export const recordSchema = z.looseObject({ level: z.string(), time: z.iso.datetime(), msg: z.string() })

/** A line that is not one of the logger's own is what a crashing program left: shown as it came. */
function readable(line: string): string {
  const record = recordSchema.safeParse(jsonOrNull(line))
  if (!record.success) return plain(line)
  const { level, time, msg, pid: _pid, ...fields } = record.data
  const shown = Object.entries(fields).map(([name, value]) => `${plainLine(name)}=${valueText(value)}`)
  return [time, plainLine(level).padEnd(5), plainLine(msg), ...shown].join(' ')
}

export function jsonOrNull(line: string): unknown {
  try {
    const value: unknown = JSON.parse(line)
    return value
  } catch {
    // Not JSON: the caller shows the line as it is.
    return null
  }
}

const valueText = (value: unknown): string =>
  typeof value === 'string' && /^\S+$/.test(value) ? plainLine(value) : jsonLine(value)
