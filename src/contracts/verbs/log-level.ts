import { z } from 'zod'
import { logLevels } from '../health.ts'
import { describeVerb } from './description.ts'

export const logLevel = describeVerb({
  name: 'log_level',
  summary: 'show how much the running daemon logs, or change it until it ends',
  input: z.strictObject({
    level: z.enum(logLevels).optional().describe('from this level on lines are written; left out: only show it'),
  }),
  output: z.object({
    level: z.enum(logLevels).describe('what holds now'),
    configured: z.enum(logLevels).describe('what holds after the next start'),
  }),
  annotations: { isReadOnly: false, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'PUT', path: '/log-level' },
    cli: {
      command: 'log-level',
      arguments: [{ field: 'level', isOptional: true }],
      examples: ['tandem log-level', 'tandem log-level debug'],
    },
  },
})
