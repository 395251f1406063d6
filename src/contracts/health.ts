import { z } from 'zod'

export const healthStates = ['healthy', 'degraded', 'down'] as const
export type HealthState = (typeof healthStates)[number]

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

const partHealthSchema = z.object({
  part: z.string().describe('socket, store read, store write, disk, log, codex, event loop, memory, supervisor, …'),
  state: z.enum(healthStates),
  since: z.number().nullable().describe('when it came into this state (wall clock, ms); null: not known'),
  why: z.string().nullable().describe('what is wrong with it; null when nothing is'),
  cure: z.string().nullable().describe('what to do about it'),
  looked_at: z.number().nullable().describe('when it was last looked at (wall clock, ms)'),
  details: z.record(z.string(), z.unknown()),
})
export type PartHealth = z.infer<typeof partHealthSchema>

/** What `health` answers, and what is said in its place when there is no daemon to ask. */
export const healthSchema = z.object({
  state: z.enum(healthStates).describe('down: it cannot do its work; degraded: a part is not as it should be'),
  at: z.number().describe('when this was written (wall clock, ms)'),
  version: z.string().nullable(),
  pid: z.number().nullable(),
  log_level: z.enum(logLevels).nullable(),
  idle_since: z.number().nullable().describe('no client and no turn since then; null: it is at work'),
  idle_shutdown_ms: z.number().describe('it ends when it was idle for so long; 0: never'),
  parts: z.array(partHealthSchema),
})
export type Health = z.infer<typeof healthSchema>
