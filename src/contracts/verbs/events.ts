import { z } from 'zod'
import { eventKindSchema, eventSchema } from '../events.ts'
import { sessionIdSchema, turnIdSchema, waitMsSchema } from '../turn.ts'
import { describeVerb } from './description.ts'

export const events = describeVerb({
  name: 'events',
  summary: 'what happened, in order, from a cursor on',
  input: z.strictObject({
    turn_id: turnIdSchema.optional().describe('only those of this turn'),
    session_id: sessionIdSchema.optional().describe('only those of this session, or of "last"'),
    kinds: z.array(eventKindSchema).min(1).max(50).optional().describe('only those of this kind'),
    cursor: z.int().min(0).default(0).describe('events after this seq'),
    tail: z
      .int()
      .min(0)
      .max(100_000)
      .optional()
      .describe('begin this many before the last of those that are asked for, when that is after the cursor'),
    limit: z.int().min(1).max(1000).default(200).describe('at most this many'),
    wait_ms: waitMsSchema.default(0).describe('when there is none yet, wait this long for the first'),
    follow: z.boolean().default(false).describe('go on passing events until the caller leaves or wait_ms is up'),
  }),
  output: z.object({
    events: z.array(eventSchema),
    cursor: z.number().describe('pass it to the next call'),
    has_more: z.boolean(),
  }),
  annotations: { isReadOnly: true, isIdempotent: true, isStreaming: true },
  doors: {
    socket: true,
    http: { method: 'GET', path: '/events' },
    cli: {
      command: 'events',
      description: [
        'Everything that happened is kept with a rising number, its seq. Without --follow one page is shown, oldest first: the newest ones, or those of a turn, a session or a kind from their beginning. `--cursor` reads on from where a page ended.',
        'With --follow the last few and then new events are shown until Ctrl-C.',
        'On a terminal each is one line, cut to fit. In a pipe it is five columns parted by tabs, nothing cut: seq, time, kind, turn, text.',
      ].join('\n\n'),
      options: {
        turn_id: '-t, --turn <id>',
        session_id: '-s, --session <id>',
        kinds: '-k, --kind <kind...>',
        cursor: '--cursor <seq>',
        tail: '--tail <count>',
        limit: '-n, --limit <count>',
        wait_ms: '--wait-ms <ms>',
        follow: '-f, --follow',
      },
      examples: [
        'tandem events --turn turn_01j…',
        'tandem events --follow',
        'tandem events --kind retrying --kind warning',
      ],
    },
    mcp: [
      {
        tool: 'codex_events',
        title: 'Events of Codex',
        description:
          'What happened in a turn or session, in order: commands, messages, retries, crashes and what was done about them. Follow by passing the returned cursor.',
        isReadOnly: true,
        fields: ['turn_id', 'session_id', 'cursor', 'limit', 'wait_ms'],
        names: { session_id: 'SESSION_ID' },
      },
    ],
  },
})
