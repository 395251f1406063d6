import { z } from 'zod'
import { turnAnswerSchema, turnIdSchema, waitMsSchema } from '../turn.ts'
import { describeVerb } from './description.ts'

export const wait = describeVerb({
  name: 'wait',
  summary: 'wait for a turn to end; answers with what is known when the time is up',
  input: z.strictObject({
    turn_id: turnIdSchema,
    wait_ms: waitMsSchema.default(600_000).describe('how long to wait; the turn goes on after that'),
    return_all_messages: z.boolean().optional().describe('answer with all messages, not only the last'),
    cursor: z.int().min(0).optional().describe('pass events after this seq to a following caller'),
  }),
  output: turnAnswerSchema,
  annotations: { isReadOnly: true, isIdempotent: true, isStreaming: true },
  doors: {
    socket: true,
    http: { method: 'POST', path: '/turns/{turn_id}/wait' },
    cli: {
      command: 'wait',
      description: [
        'Shows what has happened so far and what goes on, as `tandem ask` does. When the time is up the turn goes on: that is no failure of the turn. Ctrl-C leaves, a second one within two seconds cancels the turn.',
      ].join('\n\n'),
      arguments: [{ field: 'turn_id' }],
      options: { wait_ms: '--wait-ms <ms>', return_all_messages: '-a, --all' },
      examples: ['tandem wait turn_01j…'],
    },
    mcp: [
      {
        tool: 'codex_wait',
        title: 'Wait for a turn of Codex',
        description:
          'Wait for a turn that codex or codex_ask left running. A time-out is not a failure: status is "running" and one can wait again.',
        isReadOnly: true,
        fields: ['turn_id', 'wait_ms', 'return_all_messages'],
        names: { session_id: 'SESSION_ID' },
      },
    ],
  },
})
