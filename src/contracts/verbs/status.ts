import { z } from 'zod'
import { describeVerb } from './description.ts'

const codexStateSchema = z.object({
  kind: z.enum(['idle', 'starting', 'ready', 'backing-off', 'broken', 'stopped', 'missing']),
  version: z.string().nullable(),
  path: z.string().nullable(),
  pid: z.number().nullable(),
  is_tested_version: z.boolean().nullable(),
  tested_range: z.string(),
  detail: z.string().nullable(),
})

export const status = describeVerb({
  name: 'status',
  summary: 'what the daemon is doing',
  input: z.strictObject({}),
  output: z.object({
    version: z.string(),
    pid: z.number(),
    node_id: z.string(),
    started_at: z.number(),
    uptime_ms: z.number(),
    socket: z.string(),
    // A daemon from before there was HTTP does not speak of it; its status is wanted all the more.
    http: z.object({ url: z.string() }).nullish().describe('where HTTP is served'),
    state_dir: z.string(),
    log_file: z.string(),
    is_supervised: z.boolean(),
    is_stopping: z.boolean(),
    codex: codexStateSchema,
    turns: z.object({ queued: z.number(), running: z.number(), ended: z.number() }),
    threads: z.number(),
    clients: z.number(),
    memory_bytes: z.number(),
    rate_limits: z.record(z.string(), z.unknown()).nullable(),
  }),
  annotations: { isReadOnly: true, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'GET', path: '/status' },
    cli: { command: 'status', examples: ['tandem status --json'] },
    mcp: [
      {
        tool: 'codex_status',
        title: 'Status of Tandem and Codex',
        description: 'What the daemon is doing: the version and state of Codex, running and queued turns, rate limits.',
        isReadOnly: true,
        fields: [],
      },
    ],
  },
})
