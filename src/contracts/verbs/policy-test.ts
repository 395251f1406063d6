import { z } from 'zod'
import { sandboxSchema } from '../turn.ts'
import { describeVerb } from './description.ts'

export const policyTest = describeVerb({
  name: 'policy_test',
  summary: 'ask whether a turn would be allowed, by which rule, and what would allow it',
  input: z.strictObject({
    cd: z.string().min(1).max(4096).describe('directory to work in (absolute path)'),
    sandbox: sandboxSchema.default('read-only').describe('what Codex may touch'),
    network: z.boolean().default(false).describe('whether its commands are to reach the network'),
    command: z.string().min(1).max(10_000).optional().describe('a command line that Codex would run in it'),
  }),
  output: z.object({
    allowed: z.boolean(),
    cd: z.string(),
    sandbox: sandboxSchema,
    network: z.boolean().describe('whether commands of such a turn would reach the network'),
    rule: z.string().describe('the line of the policy that refuses it, or the lines that allow it'),
    why: z.string(),
    cure: z.string().nullable().describe('what a person can do about a refusal'),
  }),
  annotations: { isReadOnly: true, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'POST', path: '/policy/test' },
    cli: {
      command: 'policy test',
      options: { cd: '-C, --cd <dir>', sandbox: '--sandbox <mode>', network: '--network', command: '--command <line>' },
      fromContext: { cd: 'cwd' },
      examples: [
        'tandem policy test --sandbox workspace-write',
        'tandem policy test -C ~/code/site --network',
        'tandem policy test --command "git push origin"',
      ],
    },
  },
})
