import { z } from 'zod'
import { policySchema } from '../policy.ts'
import { sandboxSchema } from '../turn.ts'
import { describeVerb } from './description.ts'

export const policyShow = describeVerb({
  name: 'policy_show',
  summary: 'show what may be asked of Codex in a directory, and which rule says so',
  input: z.strictObject({
    cd: z.string().min(1).max(4096).optional().describe("the directory (absolute path); default: the caller's own"),
  }),
  output: z.object({
    file: z.string().describe('where the policy is looked for'),
    state: z.enum(['file', 'none', 'ignored']).describe('none, ignored: the defaults hold'),
    detail: z.string().nullable().describe('why the file is ignored'),
    cd: z.string().nullable(),
    is_directory_allowed: z.boolean().nullable().describe('whether turns of this caller may work in cd'),
    max_sandbox: sandboxSchema,
    network: z.boolean().describe('in workspace-write turns'),
    lines: z.array(
      z.object({
        setting: z.string(),
        value: z.string(),
        from: z.string().describe('the line of the policy that says so'),
        meaning: z.string(),
      }),
    ),
    policy: policySchema.describe('all that the policy says, defaults included'),
  }),
  annotations: { isReadOnly: true, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'GET', path: '/policy' },
    cli: {
      command: 'policy show',
      options: { cd: '-C, --cd <dir>' },
      fromContext: { cd: 'cwd' },
      examples: ['tandem policy show', 'tandem policy show -C ~/code/site --json'],
    },
  },
})
