/** Durations as people say them: 850ms, 12s, 3m 05s, 1h 02m, 4d 03h. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))}ms`
  const seconds = Math.floor(ms / 1000)
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}m ${twoDigits(seconds % 60)}s`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours}h ${twoDigits(minutes % 60)}m`
  return `${Math.floor(hours / 24)}d ${twoDigits(hours % 24)}h`
}

/** How long ago in its largest unit: "now", "12s ago", "3m ago", "2h ago", "4d ago". */
export function ago(atMs: number, nowMs: number): string {
  const seconds = Math.floor((nowMs - atMs) / 1000)
  if (seconds < 1) return 'now'
  if (seconds < 60) return `${seconds}s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h ago`
  return `${Math.floor(seconds / 86_400)}d ago`
}

/** ISO 8601 in UTC, to the second. */
export const moment = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 19)}Z`

/** 12345 -> "12,345". Not `Intl`: loading it costs more than the rest of a command. */
export const count = (figure: number): string => String(Math.round(figure)).replace(/\B(?=(\d{3})+$)/g, ',')

/** "1 turn", "2 turns". */
export const counted = (figure: number, noun: string): string => `${count(figure)} ${noun}${figure === 1 ? '' : 's'}`

export const megabytes = (bytes: number): string => `${count(bytes / 1_000_000)} MB`

const twoDigits = (figure: number): string => String(figure).padStart(2, '0')
