import { z } from 'zod'
import { describeVerb } from './description.ts'

export const shutdown = describeVerb({
  name: 'shutdown',
  summary: 'stop the daemon; running turns get time to end, then are stored as to be continued',
  input: z.strictObject({
    grace_ms: z.int().min(0).max(600_000).optional().describe('how long running turns may take to end; default 30 s'),
    reason: z.enum(['down', 'upgrade']).default('down'),
  }),
  output: z.object({ pid: z.number(), running: z.number().describe('turns that were running') }),
  annotations: { isReadOnly: false, isIdempotent: true, isStreaming: false },
  // `tandem down` is more than this verb (it waits for the process to be gone), so the command lives in the CLI.
  doors: { socket: true, http: { method: 'POST', path: '/shutdown' } },
})
