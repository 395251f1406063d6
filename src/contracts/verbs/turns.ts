import { z } from 'zod'
import { sessionIdSchema, turnAnswerSchema, turnIdSchema, turnStatusSchema, turnSummarySchema } from '../turn.ts'
import { describeVerb } from './description.ts'

export const turns = describeVerb({
  name: 'turns',
  summary: 'list turns, newest first',
  input: z.strictObject({
    session_id: sessionIdSchema.optional().describe('only those of this session, or of "last"'),
    status: turnStatusSchema.optional().describe('only those in this state'),
    cd: z.string().min(1).max(4096).optional().describe('only those of this directory'),
    limit: z.int().min(1).max(500).default(50).describe('at most this many'),
  }),
  output: z.object({ turns: z.array(turnSummarySchema) }),
  annotations: { isReadOnly: true, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'GET', path: '/turns' },
    cli: {
      command: 'turns',
      description: [
        'On a terminal a table that fits it, with more columns where there is room; in a pipe a line for each turn, parted by tabs, nothing cut: id, status, time accepted, milliseconds, tokens, session, directory, prompt.',
      ].join('\n\n'),
      options: {
        session_id: '-s, --session <id>',
        status: '--status <status>',
        cd: '-C, --cd <dir>',
        limit: '-n, --limit <count>',
      },
      examples: ['tandem turns --status running'],
    },
  },
})

export const turn = describeVerb({
  name: 'turn',
  summary: 'show one turn: what was asked and everything known of it',
  input: z.strictObject({ turn_id: turnIdSchema }),
  output: z.object({ turn: turnSummarySchema, prompt: z.string(), answer: turnAnswerSchema }),
  annotations: { isReadOnly: true, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'GET', path: '/turns/{turn_id}' },
    cli: { command: 'turn', arguments: [{ field: 'turn_id' }], examples: ['tandem turn turn_01j…'] },
  },
})
