import { lstat, readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parse } from 'smol-toml'
import { policyInvalid, policyUnsafe } from '#agents'
import { defaultPolicy, fileProblems, policySchema } from '#contracts'
import { AppError, messageOf, shellQuote, systemCodeOf } from '#kernel'
import type { PolicySource, PolicyState } from '#agents'
import type { Policy } from '#contracts'
import { followLinks } from './follow-links.ts'
import { tomlProblem } from './toml-problem.ts'
import type { Stats } from 'node:fs'
import type { Followed } from './follow-links.ts'

const maxBytes = 256 * 1024

/**
 * The user's `policy.toml`, read again whenever it has changed. Without a file the defaults hold. Whatever makes a file doubtful
 * (another owner, others may write it or replace it, a typo) is POLICY_INVALID, and nothing is assumed in its place.
 */
export function createPolicySource(file: string): PolicySource {
  let known: { readonly mark: string; readonly policy: Policy } | undefined

  return {
    async read(): Promise<PolicyState> {
      const followed = await fileOf(file)
      if (followed === undefined) return { policy: defaultPolicy, file, realFiles: [] }
      const { real, turns } = followed
      const about = await trusted(file, followed)
      const mark = [real, about.ino, about.size, about.mtimeMs, about.ctimeMs].join(' ')
      // A file that changes while it is read is seen as changed by the next look: the mark is from before.
      if (known?.mark !== mark) known = { mark, policy: parsePolicy(file, await textOf(file, real)) }
      return { policy: known.policy, file, realFiles: [...turns, real] }
    },
  }
}

/** Text of a policy file as the policy that it is; POLICY_INVALID names the member or the line. */
export function parsePolicy(file: string, text: string): Policy {
  const parsed = policySchema.safeParse(tomlOf(file, text))
  if (parsed.success) return parsed.data
  throw policyInvalid(file, fileProblems(parsed.error, policySchema), parsed.error)
}

function tomlOf(file: string, text: string): unknown {
  try {
    return parse(text)
  } catch (error) {
    throw policyInvalid(file, tomlProblem(error, text), error)
  }
}

/** Undefined when there is none; a link that leads nowhere is no absence. */
async function fileOf(file: string): Promise<Followed | undefined> {
  try {
    return await followLinks(file)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT' && !(await isLink(file))) return undefined
    throw policyInvalid(file, `cannot be found (${systemCodeOf(error) ?? messageOf(error)})`, error)
  }
}

async function isLink(file: string): Promise<boolean> {
  return lstat(file).then(
    about => about.isSymbolicLink(),
    () => false,
  )
}

async function trusted(file: string, { real, turns }: Followed): Promise<Stats> {
  try {
    const about = await stat(real)
    if (!about.isFile()) throw policyInvalid(file, 'is not a file')
    if (about.size > maxBytes) throw policyInvalid(file, `has ${about.size} bytes; it may have ${maxBytes}`)
    assertOurs(file, real, about)
    for (const folder of new Set([real, ...turns].map(path => dirname(path))))
      assertOurs(file, folder, await stat(folder))
    return about
  } catch (error) {
    if (error instanceof AppError) throw error
    throw policyInvalid(file, `cannot be looked at (${systemCodeOf(error) ?? messageOf(error)})`, error)
  }
}

/** Ours or the system's, and for nobody else to change. In a sticky directory others cannot replace what is ours. */
function assertOurs(file: string, path: string, about: Stats): void {
  const own = process.getuid?.() ?? about.uid
  if (about.uid !== own && about.uid !== 0)
    throw policyUnsafe(
      file,
      `${path} belongs to user ${about.uid}, not to ${own}`,
      `make it yours: sudo chown ${own} ${shellQuote(path)}`,
    )
  const isSticky = about.isDirectory() && (about.mode & 0o1000) !== 0
  if ((about.mode & 0o022) !== 0 && !isSticky)
    throw policyUnsafe(file, `others may write ${path}`, `run: chmod go-w ${shellQuote(path)}`)
}

async function textOf(file: string, real: string): Promise<string> {
  try {
    return await readFile(real, 'utf8')
  } catch (error) {
    throw policyInvalid(file, `cannot be read (${systemCodeOf(error) ?? messageOf(error)})`, error)
  }
}
