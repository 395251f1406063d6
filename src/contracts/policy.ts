import { z } from 'zod'
import { sandboxSchema } from './turn.ts'

const directorySchema = z
  .string()
  .max(4096)
  .regex(/^(?:\/|~(?:\/|$))/, 'must be an absolute path, or begin with ~/')

const wordsSchema = z.string().max(200).regex(/\S/, 'must have a word')
const commandSchema = z.union([wordsSchema, z.array(wordsSchema).min(1).max(20)])

const directoriesSchema = z.array(directorySchema).max(200).default([])

/**
 * `policy.toml` in the configuration directory: what may be asked of Codex. Every member may be left out; an unknown one is an
 * error that names it. The reference in docs/configuration.md is generated from this schema.
 */
export const policySchema = z.strictObject({
  max_sandbox: sandboxSchema.default('read-only').describe('the highest sandbox that may be asked for'),
  network: z.boolean().default(false).describe('whether commands in a workspace-write turn reach the network'),
  directories: z
    .strictObject({
      allow: directoriesSchema.describe(
        "directories that turns may work in besides the caller's own, with all below them",
      ),
      deny: directoriesSchema.describe(
        "directories that no turn works in, the caller's own included; an entry of allow further down is an exception",
      ),
    })
    .prefault({})
    .describe('where turns may work'),
  commands: z
    .strictObject({
      deny: z
        .array(commandSchema)
        .max(200)
        .default([])
        .describe(
          'commands that Codex does not start, by their first words ("git push"; a list where a word has spaces in it), everywhere',
        ),
    })
    .prefault({})
    .describe('what turns may run'),
  rules: z
    .array(
      z.strictObject({
        directory: directorySchema.describe(
          'where this rule holds, with all below it; it does not allow the directory',
        ),
        max_sandbox: sandboxSchema.optional().describe('in place of the general one'),
        network: z.boolean().optional().describe('in place of the general one'),
      }),
    )
    .max(200)
    .default([])
    .describe('what holds in one directory; of several rules the one for the innermost directory wins'),
})

export type Policy = z.output<typeof policySchema>
export type PolicyInput = z.input<typeof policySchema>

/** What holds where there is no file. */
export const defaultPolicy: Policy = policySchema.parse({})
