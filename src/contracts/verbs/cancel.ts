import { z } from 'zod'
import { turnAnswerSchema, turnIdSchema } from '../turn.ts'
import { describeVerb } from './description.ts'

export const cancel = describeVerb({
  name: 'cancel',
  summary: 'interrupt a turn and end the commands that it started; the session stays',
  input: z.strictObject({ turn_id: turnIdSchema }),
  output: turnAnswerSchema,
  annotations: { isReadOnly: false, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'POST', path: '/turns/{turn_id}/cancel' },
    cli: { command: 'cancel', arguments: [{ field: 'turn_id' }], examples: ['tandem cancel turn_01j…'] },
    mcp: [
      {
        tool: 'codex_cancel',
        title: 'Cancel a turn of Codex',
        description: 'Interrupt a turn and end the commands it started. The session can be used again.',
        isReadOnly: false,
        fields: ['turn_id'],
        names: { session_id: 'SESSION_ID' },
      },
    ],
  },
})
