import { z } from 'zod'
import { healthSchema } from '../health.ts'
import { describeVerb } from './description.ts'

export const health = describeVerb({
  name: 'health',
  summary: 'how each part of the daemon is, since when, and why',
  input: z.strictObject({}),
  output: healthSchema,
  annotations: { isReadOnly: true, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'GET', path: '/health' },
    cli: { command: 'health', examples: ['tandem health', 'tandem health --json', 'tandem health --watch'] },
  },
})
