import { realpath, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import type { Caller, Policy } from '#contracts'
import { messageOf, systemCodeOf } from '#kernel'
import { policyInvalid } from './errors.ts'
import { isWithin } from '../is-within.ts'

/** A directory of the policy: as it is written there, and as the machine has it. */
export interface PolicyPlace {
  readonly written: string
  readonly real: string
}

/** The real place of each directory, of one that is not there as far as it is. POLICY_INVALID for one that cannot be followed. */
async function placesIn(
  directories: readonly string[],
  where: { readonly homeDir: string; readonly file: string; readonly member: string },
): Promise<readonly PolicyPlace[]> {
  return Promise.all(
    directories.map(async written => {
      try {
        return { written, real: await realOrNearest(written.replace(/^~/, () => where.homeDir)) }
      } catch (error) {
        throw policyInvalid(where.file, `${where.member}: ${written} cannot be followed: ${messageOf(error)}`, error)
      }
    }),
  )
}

async function realOrNearest(path: string): Promise<string> {
  try {
    return await realpath(path)
  } catch (error) {
    const isAbsent = systemCodeOf(error) === 'ENOENT' || systemCodeOf(error) === 'ENOTDIR'
    if (!isAbsent || dirname(path) === path) throw error
    return join(await realOrNearest(dirname(path)), path.slice(dirname(path).length))
  }
}

/**
 * The directory that a caller says is its own. A person's own command may name any: whoever types it is the one whose policy it
 * is; and a program on the socket or over HTTP that names none is where it asks to be. Behind MCP there is an agent: without a project
 * nothing is its own. Undefined, too, when the caller names one that is not there: then only what the policy allows is.
 */
export async function callersDirectory(caller: Caller, cd: string): Promise<string | undefined> {
  const isPerson = caller.door === 'cli' && caller.claude_session_id === undefined
  if (isPerson) return cd
  if (caller.project_dir === undefined) return caller.door === 'mcp' ? undefined : cd
  if (!isAbsolute(caller.project_dir)) return undefined
  return realpath(caller.project_dir).catch(() => undefined)
}

/**
 * The directory in whose working tree `path` lies, for whoever works in `cd`: `cd` itself, or a repository around it. One that is
 * or holds the home directory (dotfiles) is the user's own configuration and counts as none.
 */
export async function treeAround(cd: string, path: string, homeDir: string): Promise<string | undefined> {
  if (isWithin(cd, path)) return cd
  const home = await realpath(homeDir).catch(() => homeDir)
  for (let at = cd; dirname(at) !== at; at = dirname(at)) {
    if (isWithin(at, home)) return undefined
    if (isWithin(at, path) && (await isThere(join(at, '.git')))) return at
  }
  return undefined
}

const isThere = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** Where the members of a policy lie, looked up once for a decision. */
export interface PolicyGround {
  readonly allow: readonly PolicyPlace[]
  readonly deny: readonly PolicyPlace[]
  readonly rules: readonly (PolicyPlace & Pick<Policy['rules'][number], 'max_sandbox' | 'network'>)[]
}

export async function groundOf(
  policy: Policy,
  where: { readonly homeDir: string; readonly file: string },
): Promise<PolicyGround> {
  const at = (member: string, directories: readonly string[]): Promise<readonly PolicyPlace[]> =>
    placesIn(directories, { ...where, member })
  const rules = policy.rules.map(async rule => {
    const [place] = await at('rules', [rule.directory])
    return { written: rule.directory, real: place?.real ?? rule.directory, ...rule }
  })
  return {
    allow: await at('directories.allow', policy.directories.allow),
    deny: await at('directories.deny', policy.directories.deny),
    rules: await Promise.all(rules),
  }
}
