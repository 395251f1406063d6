import { z } from 'zod'
import { settingsChangeSchema, settingsSchema } from '../settings.ts'
import { efforts } from '../turn.ts'
import { describeVerb } from './description.ts'

const scope = z.enum(['global', 'project'])

const output = z.object({
  effective: settingsSchema.describe('what a call from this directory gets'),
  global: settingsChangeSchema,
  project: settingsChangeSchema,
})

export const settings = describeVerb({
  name: 'settings',
  summary: 'show the settings that hold in a directory, or change them',
  input: z.strictObject({
    cd: z.string().min(1).max(4096).optional().describe('the project; without it only the global settings'),
    scope: scope.default('global').describe('where a change is stored'),
    effort: z
      .enum([...efforts, 'default'])
      .optional()
      .describe('reasoning effort'),
    reasoning: z.enum(['on', 'off', 'default']).optional().describe('ask for reasoning summaries and show them'),
    final_only: z.enum(['on', 'off', 'default']).optional().describe('show only the last message instead of all'),
  }),
  output,
  annotations: { isReadOnly: false, isIdempotent: true, isStreaming: false },
  doors: {
    socket: true,
    http: { method: 'POST', path: '/settings' },
    cli: {
      command: 'settings',
      description: [
        'With an option the setting is changed, for every directory or, with `--scope project`, for this one; "default" takes a change back. A setting of the project wins over a global one, and what a call itself asks for over both.',
      ].join('\n\n'),
      options: {
        cd: '-C, --cd <dir>',
        scope: '--scope <scope>',
        effort: '-e, --effort <level>',
        reasoning: '--reasoning <on|off>',
        final_only: '--final-only <on|off>',
      },
      fromContext: { cd: 'cwd' },
      examples: ['tandem settings --effort high', 'tandem settings --scope project --final-only off'],
    },
  },
})
