import { z } from 'zod'
import { sessionIdSchema, threadSummarySchema, turnSummarySchema } from '../turn.ts'
import { describeVerb } from './description.ts'

const oneSession = 'the session, or "last" for the latest one of this caller in this directory'

export const threads = describeVerb({
  name: 'threads',
  summary: 'list sessions with Codex, latest first',
  input: z.strictObject({
    cd: z.string().min(1).max(4096).optional().describe('only those of this directory'),
    archived: z.boolean().default(false).describe('the archived ones, too'),
    limit: z.int().min(1).max(500).default(50).describe('at most this many'),
  }),
  output: z.object({ threads: z.array(threadSummarySchema) }),
  annotations: { isReadOnly: true, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'GET', path: '/threads' },
    cli: {
      command: 'threads',
      description: [
        'A session is one conversation with Codex; `tandem ask --session <id>` goes on in it. In a pipe a line for each, parted by tabs, nothing cut: id, status, turns, time of the last activity, directory, title.',
      ].join('\n\n'),
      options: { cd: '-C, --cd <dir>', archived: '--archived', limit: '-n, --limit <count>' },
      examples: ['tandem threads -C .'],
    },
  },
})

export const thread = describeVerb({
  name: 'thread',
  summary: 'show one session and its turns, the newest 500 at most',
  input: z.strictObject({ session_id: sessionIdSchema.describe(oneSession) }),
  output: z.object({ thread: threadSummarySchema, turns: z.array(turnSummarySchema) }),
  annotations: { isReadOnly: true, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'GET', path: '/threads/{session_id}' },
    cli: { command: 'thread', arguments: [{ field: 'session_id' }], examples: ['tandem thread last'] },
  },
})

export const archive = describeVerb({
  name: 'archive',
  summary: 'put a session away; it takes no more prompts, its record stays',
  input: z.strictObject({ session_id: sessionIdSchema.describe(oneSession) }),
  output: z.object({ thread: threadSummarySchema }),
  annotations: { isReadOnly: false, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'POST', path: '/threads/{session_id}/archive' },
    cli: { command: 'archive', arguments: [{ field: 'session_id' }], examples: ['tandem archive 019a…'] },
  },
})
