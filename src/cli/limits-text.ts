import { z } from 'zod'
import { duration, moment } from './figures.ts'
import { jsonLine, plainLine } from './plain-text.ts'

/**
 * The provider's limits in short, as Codex 0.169.0 tells them: "12% of 5h 00m used, until …". Null when nothing is
 * known of them; figures of a shape that we do not know are shown as they came, without what is null.
 */
export function limitsText(limits: Readonly<Record<string, unknown>>): string | null {
  const { data } = limitsSchema.safeParse(limits)
  const windows = [data?.primary, data?.secondary].flatMap(window => (window ? [windowText(window)] : []))
  if (windows.length > 0) return windows.join('; ')
  const known = withoutNulls(limits)
  return known === undefined ? null : plainLine(jsonLine(known))
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

/** Undefined when nothing is left of it. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value ?? undefined
  const members = Object.entries(value).flatMap(([name, member]) => {
    const kept = withoutNulls(member)
    return kept === undefined ? [] : [[name, kept] as const]
  })
  return members.length === 0 ? undefined : Object.fromEntries(members)
}
