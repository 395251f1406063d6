import { z } from 'zod'
import { eventSchema } from '../events.ts'
import { sessionIdSchema, turnIdSchema, waitMsSchema } from '../turn.ts'
import { describeVerb } from './description.ts'

export const events = describeVerb({
  name: 'events',
  summary: 'what happened, in order, from a cursor on',
  input: z.strictObject({
    turn_id: turnIdSchema.optional().describe('only those of this turn'),
    session_id: sessionIdSchema.optional().describe('only those of this session, or of "last"'),
    cursor: z.int().min(0).default(0).describe('events after this seq'),
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
        'Everything that happened is kept with a rising number, its seq. Without --follow one page is shown, oldest first; `--cursor` reads on from where the last one ended. With --follow new events are shown until Ctrl-C.',
        'In a pipe each event is a line of five columns parted by tabs: seq, time, kind, turn, text.',
      ].join('\n\n'),
      options: {
        turn_id: '-t, --turn <id>',
        session_id: '-s, --session <id>',
        cursor: '--cursor <seq>',
        limit: '-n, --limit <count>',
        wait_ms: '--wait-ms <ms>',
        follow: '-f, --follow',
      },
      examples: ['tandem events --turn turn_01j…', 'tandem events --follow'],
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
