import { z } from 'zod'
import { turnAnswerSchema, turnIdSchema } from '../turn.ts'
import { maxPromptBytes } from './ask.ts'
import { describeVerb } from './description.ts'

export const steer = describeVerb({
  name: 'steer',
  summary: 'say something to a turn while it runs',
  input: z.strictObject({
    turn_id: turnIdSchema,
    message: z
      .string()
      .refine(text => text.trim() !== '', { message: 'the message is empty' })
      .refine(text => Buffer.byteLength(text) <= maxPromptBytes, { message: 'the message is longer than 1 MiB' })
      .describe('what Codex is to take into account'),
  }),
  output: turnAnswerSchema,
  annotations: { isReadOnly: false, isIdempotent: false, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'POST', path: '/turns/{turn_id}/steer' },
    cli: {
      command: 'steer',
      arguments: [{ field: 'turn_id' }, { field: 'message', takesRest: true }],
      examples: ['tandem steer turn_01j… "leave the tests alone"'],
    },
    mcp: [
      {
        tool: 'codex_steer',
        title: 'Steer a turn of Codex',
        description: 'Say something to a turn that is running; it takes it into account without starting over.',
        isReadOnly: false,
        fields: ['turn_id', 'message'],
        names: { session_id: 'SESSION_ID' },
      },
    ],
  },
})
