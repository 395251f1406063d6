import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { editPolicy, emptyPolicyText } from './edit-policy.ts'
import { policyNotByAgent } from './errors.ts'
import { writePrivateFile } from './private-files.ts'
import { createPolicySource } from './read-policy.ts'
import type { PolicyAllowed, PolicyGrant } from '#cli'
import type { Environment } from './environment.ts'

/** Variables that Claude Code and Codex (0.169.0) give to the commands that they run. */
const agentsVariables = ['CLAUDECODE', 'CLAUDE_CODE_SESSION_ID', 'CODEX_THREAD_ID', 'CODEX_SANDBOX'] as const

/**
 * Writes what a person allows into the user's own policy file. Not from within an agent's shell: that keeps an agent from
 * following the hint of a refusal by itself. It does not keep out a program that wants to; whoever has the user's account can write the file.
 */
export async function allowPolicy(environment: Environment, grant: PolicyGrant): Promise<PolicyAllowed> {
  const agent = agentsVariables.find(name => environment.env[name])
  if (agent !== undefined) throw policyNotByAgent(agent)
  const { policyFile: file } = environment.places
  // A file that could not be relied on is not made to look as if it could.
  const { realFiles } = await createPolicySource(file).read()
  const real = realFiles.at(-1)
  const edit = editPolicy(file, real === undefined ? emptyPolicyText : await readFile(real, 'utf8'), grant)
  if (edit.changes.length > 0) {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writePrivateFile(real ?? file, edit.text)
    // In a directory that others may write to the new file cannot be relied on: that is told now and not by the next turn.
    await createPolicySource(file).read()
  }
  return { file, changes: edit.changes }
}
