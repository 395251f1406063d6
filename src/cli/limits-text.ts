import { z } from 'zod'
import { plainLine } from '#kernel'
import { duration, moment } from './figures.ts'
import { jsonLine } from './plain-text.ts'

/**
 * The provider's limits in short, as Codex 0.169.0 tells them: "12% of 5h 00m used, until …". Null when nothing is
 * known of them; of a shape that we do not know each figure is shown with its name, without what is null.
 */
export function limitsText(limits: Readonly<Record<string, unknown>>): string | null {
  const { data } = limitsSchema.safeParse(limits)
  const windows = [data?.primary, data?.secondary].flatMap(window => (window ? [windowText(window)] : []))
  if (windows.length > 0) return windows.join('; ')
  // Whose limits they are says nothing without one.
  const { limitId: _id, limitName: _name, ...figures } = limits
  const known = figuresOf(figures, '')
  return known.length === 0 ? null : plainLine(known.join(', '))
}

const windowSchema = z.object({
  usedPercent: z.number(),
  windowDurationMins: z.number().nullish(),
  /** Seconds since the epoch. */
  resetsAt: z.number().min(0).max(1e11).nullish(),
})
const limitsSchema = z.object({ primary: windowSchema.nullish(), secondary: windowSchema.nullish() })

function windowText({ usedPercent, windowDurationMins, resetsAt }: z.infer<typeof windowSchema>): string {
  const span = typeof windowDurationMins === 'number' ? ` of ${duration(windowDurationMins * 60_000)}` : ''
  const until = typeof resetsAt === 'number' ? `, until ${moment(resetsAt * 1000)}` : ''
  return `${Math.round(usedPercent)}%${span} used${until}`
}

/** Each with its name, those inside of others with both names: "credits.balance 5". */
function figuresOf(value: unknown, name: string): readonly string[] {
  if (value === null || value === undefined) return []
  if (typeof value !== 'object' || Array.isArray(value)) return [`${name} ${jsonText(value)}`]
  return Object.entries(value).flatMap(([member, inner]) =>
    figuresOf(inner, name === '' ? member : `${name}.${member}`),
  )
}

const jsonText = (value: unknown): string => (typeof value === 'string' ? value : jsonLine(value))
