import type { Health, HealthState, PartHealth } from '#contracts'
import { plainLine } from '#kernel'
import { ago, duration, moment } from './figures.ts'
import type { Output } from './output.ts'
import type { Session } from './session.ts'
import { writeTable } from './table.ts'
import type { Column } from './table.ts'

export function writeHealth(health: Health, { out, deps }: Pick<Session, 'out' | 'deps'>): void {
  const now = deps.clock.now()
  if (!out.isTerminal) return writeTable(out, [...columnsOf(now), cureColumn], health.parts)
  out.line(`${painted(out, health.state)}: ${aboutDaemon(health, now)}`)
  writeTable(out, columnsOf(now), health.parts)
  for (const { part, cure } of health.parts)
    if (cure !== null) out.line(`  cure of ${plainLine(part)}: ${plainLine(cure)}`)
}

/** One line for what is different now; empty when nothing is. */
export function changesBetween(before: Health, after: Health): readonly string[] {
  const was = new Map(before.parts.map(part => [part.part, part]))
  const changes = after.parts.flatMap(part => {
    const earlier = was.get(part.part)
    // A part that one learns of with the daemon is worth a word only when something is wrong with it.
    if (part.state === (earlier?.state ?? 'healthy') && (part.state === 'healthy' || earlier?.why === part.why))
      return []
    return [
      `${part.part}: ${earlier?.state ?? 'not known'} -> ${part.state}${part.why === null ? '' : `: ${part.why}`}`,
    ]
  })
  const daemon = before.pid === after.pid ? [] : [`daemon: pid ${before.pid ?? '-'} -> ${after.pid ?? '-'}`]
  return [...daemon, ...changes].map(line => `${moment(after.at)} ${plainLine(line)}`)
}

function columnsOf(now: number): readonly Column<PartHealth>[] {
  return [
    { title: 'PART', cell: part => part.part },
    { title: 'STATE', cell: part => part.state },
    {
      title: 'SINCE',
      cell: part => (part.since === null ? '-' : ago(part.since, now)),
      raw: part => (part.since === null ? '-' : moment(part.since)),
    },
    { title: 'WHY', cell: part => part.why ?? noteOf(part), raw: part => part.why ?? '', isFlexible: true },
  ]
}

const cureColumn: Column<PartHealth> = { title: 'CURE', cell: part => part.cure ?? '' }

function aboutDaemon(health: Health, now: number): string {
  if (health.version === null) return health.pid === null ? 'no daemon answers' : `pid ${health.pid} does not answer`
  const idle = health.idle_since === null ? 'at work' : `idle for ${duration(now - health.idle_since)}`
  const end = health.idle_shutdown_ms === 0 ? '' : `, ends when it was idle for ${duration(health.idle_shutdown_ms)}`
  return `tandem ${plainLine(health.version)}, pid ${health.pid ?? '-'}, ${idle}${end}, log level ${health.log_level ?? '-'}`
}

/** What is worth a look when nothing is wrong. */
function noteOf({ details }: PartHealth): string {
  const notes = Object.entries(noted).flatMap(([name, text]) => {
    const value = details[name]
    return typeof value === 'number' || typeof value === 'string' ? [text(value)] : []
  })
  return notes.join(', ')
}

const megabytes = (bytes: number | string): string => `${Math.round(Number(bytes) / 1_000_000)} MB`

const noted: Readonly<Record<string, (value: number | string) => string>> = {
  version: String,
  took_ms: ms => `${ms} ms`,
  free_bytes: bytes => `${megabytes(bytes)} free`,
  p99_ms: ms => `99 of 100 within ${ms} ms`,
  pss_bytes: megabytes,
  url: String,
}

function painted(out: Output, state: HealthState): string {
  if (state === 'healthy') return out.paint.green(state)
  return state === 'down' ? out.paint.red(state) : out.paint.yellow(state)
}
