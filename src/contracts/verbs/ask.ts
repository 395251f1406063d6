import { z } from 'zod'
import { effortSchema, sandboxSchema, sessionIdSchema, turnAnswerSchema, waitMsSchema } from '../turn.ts'
import { describeVerb } from './description.ts'

/** Largest accepted prompt, in UTF-8 bytes. */
export const maxPromptBytes = 1024 * 1024

/** More than any schema has, and far less than the stack of whoever writes it as JSON takes. */
const maxSchemaDepth = 100

const input = z.strictObject({
  prompt: z
    .string()
    .refine(text => text.trim() !== '', { message: 'the prompt is empty' })
    .refine(text => Buffer.byteLength(text) <= maxPromptBytes, { message: 'the prompt is longer than 1 MiB' })
    .describe('what Codex is to do, at most 1 MiB'),
  cd: z.string().min(1).max(4096).describe('directory to work in (absolute path)'),
  session_id: sessionIdSchema.optional(),
  sandbox: sandboxSchema.default('read-only').describe('what Codex may touch'),
  model: z
    .string()
    .regex(/^[A-Za-z0-9][\w.:/@+-]{0,127}$/, 'not a model name')
    .optional()
    .describe(
      "model to use instead of the configured one; checked against Codex's list, but passed on as it is to a custom provider",
    ),
  effort: effortSchema.optional().describe('reasoning effort'),
  profile: z
    .string()
    .regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'not a profile name')
    .optional()
    .describe("a profile of Codex's configuration (NAME.config.toml)"),
  image: z.array(z.string().min(1).max(4096)).max(20).default([]).describe('paths of images to attach'),
  output_schema: z
    .record(z.string(), z.unknown())
    .refine(schema => !isDeeper(schema, maxSchemaDepth), { message: `nested deeper than ${maxSchemaDepth}` })
    .optional()
    .describe('JSON Schema that the answer must follow'),
  skip_git_repo_check: z.boolean().default(true).describe('work outside of a git repository, too'),
  return_all_messages: z.boolean().optional().describe('answer with all messages, not only the last'),
  yolo: z.boolean().default(false).describe('no sandbox and no questions; refused unless a policy allows it'),
  wait_ms: waitMsSchema.default(600_000).describe('how long to wait for the end; the turn goes on after that'),
  idempotency_key: z.string().min(1).max(200).optional().describe('the same key never runs twice'),
  on_cut: z
    .enum(['continue', 'fail'])
    .default('continue')
    .describe('after a crash in the turn: go on with one continuation, or end as failed'),
})

export const ask = describeVerb({
  name: 'ask',
  summary: 'give Codex a task and wait for the answer; the task outlives the wait',
  input,
  output: turnAnswerSchema,
  annotations: { isReadOnly: false, isIdempotent: false, isStreaming: true },
  doors: {
    socket: true,
    http: { method: 'POST', path: '/turns' },
    cli: {
      command: 'ask',
      description: [
        'The prompt is the rest of the line, what is piped in, or both, the words of the line first; `-` alone is what is piped or typed in. The turn is stored before Codex hears of it. From then on it goes on, whatever becomes of this command, and `tandem wait` comes back to it.',
        'On a terminal messages stream as they come. In a pipe standard output has the answer of a completed turn and nothing else; an unfinished or failed one puts nothing there.',
        'Ctrl-C leaves the turn running and says how to come back; a second one within two seconds cancels it.',
      ].join('\n\n'),
      arguments: [{ field: 'prompt', isOptional: true, takesRest: true }],
      options: {
        cd: '-C, --cd <dir>',
        session_id: '-s, --session <id>',
        sandbox: '--sandbox <mode>',
        model: '-m, --model <name>',
        effort: '-e, --effort <level>',
        profile: '-p, --profile <name>',
        image: '-i, --image <file...>',
        output_schema: '--schema <file>',
        return_all_messages: '-a, --all',
        yolo: '--yolo',
        wait_ms: '--wait-ms <ms>',
        idempotency_key: '--key <key>',
        on_cut: '--on-cut <policy>',
      },
      fromContext: { cd: 'cwd' },
      examples: [
        'tandem ask "where is the login checked?"',
        'tandem ask --session last "and the logout?"',
        'git diff | tandem ask "review this change"',
      ],
    },
    mcp: [
      {
        tool: 'codex',
        title: 'Ask Codex',
        description: [
          'Give Codex a task in a directory and wait for its answer.',
          'Answers {success, SESSION_ID, turn_id, status, agent_messages, usage, diff, proposed_diff, error}.',
          'Pass SESSION_ID to go on in the same conversation ("last" = the latest one of this Claude session in this directory).',
          'sandbox is read-only by default; workspace-write lets Codex change files in cd, where the policy of the user allows it.',
          'A refusal POLICY_DENIED_… is for the user to lift: show its hint, do not work around it.',
          'The turn is durable: when status is "running" after wait_ms, it goes on; call codex_wait with the turn_id.',
          'Ask for "unified diff only" in a read-only session to get a prototype: proposed_diff says whether it applies.',
          'For several independent read-only questions at once use codex_ask.',
        ].join(' '),
        isReadOnly: false,
        fields: [
          'prompt',
          'cd',
          'session_id',
          'sandbox',
          'return_all_messages',
          'skip_git_repo_check',
          'image',
          'model',
          'profile',
          'yolo',
          'effort',
          'output_schema',
          'wait_ms',
          'idempotency_key',
        ],
        names: { prompt: 'PROMPT', session_id: 'SESSION_ID' },
      },
      {
        tool: 'codex_ask',
        title: 'Ask Codex (read-only)',
        description: [
          'Ask Codex something about a directory without letting it change anything; calls run side by side.',
          'The same arguments and answer as codex, always with sandbox read-only.',
        ].join(' '),
        isReadOnly: true,
        fields: [
          'prompt',
          'cd',
          'session_id',
          'return_all_messages',
          'skip_git_repo_check',
          'image',
          'model',
          'profile',
          'effort',
          'output_schema',
          'wait_ms',
          'idempotency_key',
        ],
        names: { prompt: 'PROMPT', session_id: 'SESSION_ID' },
        fixed: { sandbox: 'read-only' },
      },
    ],
  },
})

/** Level by level, as what is too deep is too deep for recursion, too. */
function isDeeper(value: unknown, limit: number): boolean {
  let level: readonly unknown[] = [value]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) return true
    level = level.flatMap(member => (typeof member === 'object' && member !== null ? Object.values(member) : []))
  }
  return false
}
