import { z } from 'zod'
import { effortSchema } from './turn.ts'

const milliseconds = z
  .int()
  .min(1)
  .max(7 * 86_400_000)

/**
 * `config.toml` in the configuration directory. Every member may be left out; an unknown one is an error that names it.
 * docs/configuration.md is generated from this schema: the description of a member is its documentation.
 */
export const configSchema = z.strictObject({
  codex: z
    .strictObject({
      path: z
        .string()
        .regex(/^(?:\/.*|[^/]+)$/, 'must be an absolute path (~ is not expanded), or a name to look for on PATH')
        .optional()
        .describe('the codex program; default: the first on PATH, then one installed beside Tandem'),
      home: z
        .string()
        .startsWith('/', 'must be an absolute path (~ is not expanded)')
        .optional()
        .describe("Codex's own directory; default: $CODEX_HOME, then ~/.codex. Never written to"),
      model: z.string().min(1).optional().describe("model for every turn that names none; default: Codex's own"),
      effort: effortSchema.optional().describe('reasoning effort for every turn that names none'),
      mcp_servers: z
        .array(z.string())
        .default([])
        .describe("names of the user's own MCP servers that Codex may use here; all others are switched off"),
      pass_env: z
        .array(z.string())
        .default([])
        .describe(
          'further environment variables that Codex gets; sandboxed commands do not get those that look like secrets',
        ),
      client_name: z
        .string()
        .regex(/^[\w.-]{1,64}$/)
        .default('tandem')
        .describe('the name by which Codex announces itself upstream (originator and user agent)'),
      request_timeout_ms: milliseconds
        .default(10_000)
        .describe('no answer and no byte for this long: Codex hangs and is restarted'),
      start_timeout_ms: milliseconds
        .default(60_000)
        .describe('a turn waits this long for Codex to be ready, then it fails'),
    })
    .prefault({})
    .describe('how Codex is found and run'),
  turns: z
    .strictObject({
      max_running: z.int().min(1).max(256).default(32).describe('turns that run at once; further ones queue'),
      max_queued: z
        .int()
        .min(1)
        .max(100_000)
        .default(1000)
        .describe('turns that wait; a further one is refused as busy'),
      queued_timeout_ms: milliseconds.default(1_800_000).describe('a turn that has not started by then fails'),
      first_event_timeout_ms: milliseconds
        .default(60_000)
        .describe('no sign of life of the model for this long after the start: it fails'),
      silence_timeout_ms: milliseconds.default(300_000).describe('no event for this long: it fails'),
      retrying_timeout_ms: milliseconds
        .default(120_000)
        .describe('the upstream is being retried for this long: it fails'),
      total_timeout_ms: milliseconds.default(7_200_000).describe('a turn may take this long in all'),
      max_continuations: z.int().min(0).max(100).default(5).describe('how often a turn may be continued after crashes'),
      stop_grace_ms: z
        .int()
        .min(0)
        .max(600_000)
        .default(30_000)
        .describe('how long running turns may go on when the daemon stops'),
      diff_timeout_ms: milliseconds
        .default(15_000)
        .describe('reading the working tree may take this long, before and after a turn'),
      max_diff_bytes: z
        .int()
        .min(1000)
        .max(64_000_000)
        .default(1_000_000)
        .describe('a longer diff is cut, and says so'),
    })
    .prefault({})
    .describe('limits of turns'),
  daemon: z
    .strictObject({
      max_clients: z.int().min(1).max(10_000).default(256).describe('connections at once'),
      max_frame_bytes: z
        .int()
        .min(65_536)
        .max(268_435_456)
        .default(8_388_608)
        .describe('a longer frame is refused and its connection closed'),
      idle_shutdown_ms: z
        .int()
        .min(0)
        .max(7 * 86_400_000)
        .default(0)
        .describe('with no client and no turn for this long the daemon ends; 0: never'),
    })
    .prefault({})
    .describe('the daemon and its socket'),
  http: z
    .strictObject({
      enabled: z.boolean().default(true).describe('serve HTTP on 127.0.0.1, for callers that have the token'),
      port: z
        .int()
        .min(0)
        .max(65_535)
        .default(0)
        .describe('the port; 0: one that is free, the same as last time when it still is'),
    })
    .prefault({})
    .describe('the HTTP door'),
  store: z
    .strictObject({
      url: z
        .string()
        .regex(/^postgres(?:ql)?:\/\/\S+$/, 'must be a URL of Postgres: postgres://user@host:5432/database')
        .optional()
        .describe('a Postgres database, which several daemons may share; default: a file in the state directory'),
    })
    .prefault({})
    .describe('where everything durable is kept'),
  log: z
    .strictObject({
      level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
      prompts: z.boolean().default(false).describe('write prompts and answers, too (at level debug)'),
      max_bytes: z
        .int()
        .min(10_000)
        .max(1_000_000_000)
        .default(10_000_000)
        .describe('a log file is set aside at this size, and at midnight'),
      max_files: z.int().min(1).max(365).default(7).describe('how many that were set aside are kept'),
    })
    .prefault({})
    .describe('the log file'),
  health: z
    .strictObject({
      min_free_disk_bytes: z
        .int()
        .min(0)
        .default(200_000_000)
        .describe('less room than this for the state directory: degraded'),
      max_memory_bytes: z
        .int()
        .min(10_000_000)
        .default(500_000_000)
        .describe('the daemon without Codex takes more than this: degraded'),
      max_loop_delay_ms: milliseconds
        .default(200)
        .describe('the event loop is later than this in one of a hundred cases: degraded'),
    })
    .prefault({})
    .describe('from when on `tandem health` says that a part is degraded'),
})

export type Config = z.output<typeof configSchema>
export type ConfigInput = z.input<typeof configSchema>
