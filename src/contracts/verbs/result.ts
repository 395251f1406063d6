import { z } from 'zod'
import { turnAnswerSchema, turnIdSchema } from '../turn.ts'
import { describeVerb } from './description.ts'

export const result = describeVerb({
  name: 'result',
  summary: 'what is known of a turn now, without waiting',
  input: z.strictObject({
    turn_id: turnIdSchema,
    return_all_messages: z.boolean().optional().describe('answer with all messages, not only the last'),
    offset: z.int().min(0).default(0).describe('start of agent_messages, in characters: to read on in a long answer'),
    max_chars: z.int().min(1).max(1_000_000).optional().describe('at most this much of agent_messages'),
  }),
  output: turnAnswerSchema,
  annotations: { isReadOnly: true, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'GET', path: '/turns/{turn_id}/result' },
    cli: {
      command: 'result',
      description: [
        'Also of a turn that runs, failed or was interrupted: what there is of its answer is shown, and the exit code says how it stands.',
      ].join('\n\n'),
      arguments: [{ field: 'turn_id' }],
      options: { return_all_messages: '-a, --all', offset: '--offset <chars>', max_chars: '--max-chars <chars>' },
      examples: ['tandem result turn_01j… --all'],
    },
    mcp: [
      {
        tool: 'codex_result',
        title: 'Read a turn of Codex',
        description:
          'What is known of a turn now, without waiting. When an answer was cut (read_on), call with that offset to read on.',
        isReadOnly: true,
        fields: ['turn_id', 'return_all_messages', 'offset', 'max_chars'],
        names: { session_id: 'SESSION_ID' },
      },
    ],
  },
})
