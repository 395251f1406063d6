import { access, constants, lstat, mkdir, realpath, stat, statfs } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Stats } from 'node:fs'
import { messageOf, shellQuote, systemCodeOf } from '#kernel'
import type { AppError } from '#kernel'
import { directoryUnsafe, directoryUnwritable } from './errors.ts'

type DirectoryVariable = 'TANDEM_STATE_DIR' | 'TANDEM_RUNTIME_DIR'

/**
 * Makes `path` (0700) or checks that it is a directory of our own that nobody else can enter.
 * Never repairs: what is weaker, a link, or somebody else's may have been tampered with, so a person decides.
 * `variable` is what a person sets to have the directory elsewhere.
 */
export async function ensurePrivateDirectory(path: string, variable: DirectoryVariable): Promise<void> {
  await assertPrivate(path, (await look(path, variable)) ?? (await make(path, variable)), variable)
}

/**
 * The same checks without making anything. True when the directory is there; false when it is not and could be made, as far as
 * the permissions of what is above it tell.
 */
export async function checkPrivateDirectory(path: string, variable: DirectoryVariable): Promise<boolean> {
  const found = await look(path, variable)
  if (found !== undefined) {
    await assertPrivate(path, found, variable)
    return true
  }
  const above = await nearestAbove(resolve(path), variable)
  try {
    if (!(await stat(above)).isDirectory()) throw new Error(`${above} is not a directory`)
    await access(above, constants.W_OK | constants.X_OK)
    if (await isOfKernel(above)) throw new Error(`${above} holds nothing but what the kernel shows`)
  } catch (error) {
    throw await unwritable(path, error, variable)
  }
  return false
}

/** The cure fits the place: no permission helps where the kernel alone makes what there is. */
async function unwritable(path: string, cause: unknown, variable: DirectoryVariable): Promise<AppError> {
  const elsewhere = `name a directory of your own: export ${variable}=…`
  const cure = (await isBelowKernel(path)) ? elsewhere : `make its parent writable; or ${elsewhere}`
  return directoryUnwritable(path, { cause, reason: messageOf(cause), cure })
}

async function isBelowKernel(path: string): Promise<boolean> {
  const parent = dirname(resolve(path))
  try {
    return await isOfKernel(parent)
  } catch {
    // Not there: what is above it tells.
    return parent !== dirname(parent) && isBelowKernel(parent)
  }
}

const isOfKernel = async (path: string): Promise<boolean> => kernelKinds.has((await statfs(path)).type)

/** statfs(2): proc and sysfs, in which not even root makes a directory. */
const kernelKinds: ReadonlySet<number> = new Set([0x9fa0, 0x62656572])

async function nearestAbove(path: string, variable: DirectoryVariable): Promise<string> {
  const parent = dirname(path)
  return parent === path || (await look(parent, variable)) !== undefined ? parent : nearestAbove(parent, variable)
}

async function assertPrivate(path: string, found: Stats, variable: DirectoryVariable): Promise<void> {
  const quoted = shellQuote(path)
  if (found.isSymbolicLink()) throw directoryUnsafe(path, 'is a link', await cureOfLink(path, variable))
  if (!found.isDirectory())
    throw directoryUnsafe(path, 'is not a directory', `name a directory of your own: export ${variable}=…`)
  const own = process.getuid?.() ?? found.uid
  if (found.uid !== own)
    throw directoryUnsafe(
      path,
      `belongs to user ${found.uid}, not to ${own}`,
      await cureOfOwner(path, { own, owner: found.uid, variable }),
    )
  const mode = found.mode & 0o777
  if (mode === 0o700) return
  throw directoryUnsafe(path, `has mode ${mode.toString(8).padStart(4, '0')}, not 0700`, `run: chmod 700 ${quoted}`)
}

/** Never to remove it: it may hold this very user's store, taken over by one command under sudo. */
async function cureOfOwner(
  path: string,
  { own, owner, variable }: { readonly own: number; readonly owner: number; readonly variable: DirectoryVariable },
): Promise<string> {
  const elsewhere = `set ${variable} to a directory of your own`
  if (own === 0) return `run the command as that user, without sudo; or ${elsewhere}`
  // Below a directory of ours, such as our home, it was ours before: `sudo tandem up` does that.
  if (owner !== 0 || !(await isBelowOneOf(own, resolve(path)))) return `${elsewhere}: export ${variable}=…`
  return `${elsewhere}, or take this one back, with what is in it: sudo chown -R ${own} ${shellQuote(path)}`
}

async function isBelowOneOf(user: number, path: string): Promise<boolean> {
  const parent = dirname(path)
  if (parent === path) return false
  return (await stat(parent)).uid === user || isBelowOneOf(user, parent)
}

/** Whoever put a link there wants what it leads to, and removing the link would lose it from sight. */
async function cureOfLink(path: string, variable: DirectoryVariable): Promise<string> {
  const remove = `remove the link: rm ${shellQuote(path)}`
  try {
    return `name the directory itself: export ${variable}=${shellQuote(await realpath(path))}; or ${remove}`
  } catch {
    // It leads nowhere.
    return remove
  }
}

async function look(path: string, variable: DirectoryVariable): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined
    throw await unwritable(path, error, variable)
  }
}

async function make(path: string, variable: DirectoryVariable): Promise<Stats> {
  try {
    await makeWithParents(resolve(path), variable)
    return await lstat(path)
  } catch (error) {
    throw await unwritable(path, error, variable)
  }
}

/**
 * Level by level: where a directory can have no children (`/proc`), Node's own recursive `mkdir` never ends (Node 24). Bounded
 * by the depth of the path.
 */
async function makeWithParents(path: string, variable: DirectoryVariable): Promise<void> {
  const parent = dirname(path)
  if (parent !== path && (await look(parent, variable)) === undefined) await makeWithParents(parent, variable)
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error
  }
}
