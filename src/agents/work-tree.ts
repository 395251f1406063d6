import { copyFile, mkdir, readdir, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '#kernel'
import { runGit, withoutFilters } from './run-git.ts'
import type { GitOptions, GitThread } from './run-git.ts'
import { createLocator } from './repository-place.ts'
import type { Place } from './repository-place.ts'
import { largeFilesOf, readTree, withoutInnerRepositories } from './tree-index.ts'

/** A working tree as it was at one moment. Kept with the turn, so that it can be compared after a crash, too. */
export interface TreeSnapshot {
  readonly root: string
  readonly tree: string
  /** Objects that the snapshot needed live here, not in the repository. */
  readonly objects: string
}

export type SnapshotOutcome =
  | { readonly kind: 'taken'; readonly snapshot: TreeSnapshot }
  | { readonly kind: 'no-repository' }
  | { readonly kind: 'failed'; readonly reason: string }

export type Pace = 'now' | 'beside'

export interface WorkTree {
  /**
   * The tree as it is now. `folder` is private to one turn: both its snapshots use the same one. `beside`: nobody waits for it,
   * so git takes only time that nothing else wants.
   */
  snapshot(cwd: string, folder: string, pace?: Pace): Promise<SnapshotOutcome>
  /** What changed since `before`: a unified diff, empty when nothing did. */
  changesSince(before: TreeSnapshot, folder: string): Promise<ChangesOutcome>
  isRepository(cwd: string): Promise<boolean>
  /** Removes what the snapshots of a turn left. */
  forget(folder: string): Promise<void>
  /** The same for every folder in `folders` that is not named. */
  forgetOthers(folders: string, names: ReadonlySet<string>): Promise<void>
}

export type ChangesOutcome =
  | { readonly kind: 'compared'; readonly diff: string; readonly files: readonly string[] }
  | { readonly kind: 'failed'; readonly reason: string }

export interface WorkTreeDeps {
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
  readonly maxDiffBytes: number
  readonly thread?: GitThread | undefined
}

/**
 * Compares the working tree before and after a turn through a temporary index: a copy of the user's, so that unchanged
 * files are recognised by their stat data and it costs what `git status` costs. Neither the user's index nor the
 * repository's objects are written: new blobs go to a folder of ours, with the repository's as an alternate.
 */
export function createWorkTree(options: WorkTreeDeps): WorkTree {
  const find = createLocator()
  const deps: Insides = { ...options, isBeside: false, locate: cwd => find(gitOptions(options, cwd)) }
  return {
    snapshot: (cwd, folder, pace) => takeSnapshot({ ...deps, isBeside: pace === 'beside' }, cwd, folder),
    changesSince: (before, folder) => compareWith(deps, before, folder),
    isRepository: async cwd => (await deps.locate(cwd)) !== undefined,
    forget: folder => rm(folder, { recursive: true, force: true }),
    async forgetOthers(folders, names) {
      const there = await readdir(folders).catch(() => [])
      const left = there.filter(name => !names.has(name))
      await Promise.all(left.map(name => rm(join(folders, name), { recursive: true, force: true })))
    },
  }
}

interface Insides extends WorkTreeDeps {
  readonly isBeside: boolean
  readonly locate: (cwd: string) => Promise<Place | undefined>
}

async function takeSnapshot(deps: Insides, cwd: string, folder: string): Promise<SnapshotOutcome> {
  const place = await deps.locate(cwd)
  if (place === undefined) return { kind: 'no-repository' }
  const objects = join(folder, 'objects')
  const index = join(folder, 'index')
  await mkdir(objects, { recursive: true, mode: 0o700 })
  await copyIfThere(join(place.gitDir, 'index'), index)
  const env = {
    GIT_INDEX_FILE: index,
    GIT_OBJECT_DIRECTORY: objects,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: quoted(place.objects),
  }
  // For every command: also one that only writes a tree looks into files that may have changed.
  const own = await withoutFilters(gitOptions(deps, place.root, env))
  if (own === undefined) return { kind: 'failed', reason: filtersUnknown }
  const tree = await readTree(own)
  if (tree === undefined || !(await withoutInnerRepositories(own, tree)))
    return { kind: 'failed', reason: 'the index could not be read' }
  const paths = ['.', ...(await largeFilesOf(own.cwd, tree)).map(path => `:(exclude,literal,top)${path}`)]
  const added = await runGit(
    [...plain, 'add', '--all', '--ignore-errors', '--pathspec-from-file=-', '--pathspec-file-nul'],
    { ...own, input: paths.join('\0') },
  )
  if (added.wasCutOff) return { kind: 'failed', reason: `git add took longer than ${deps.timeoutMs} ms` }
  // With --ignore-errors git leaves out what it cannot read (and says so with exit 1), the rest is added.
  if (!added.ok && added.exitCode !== 1) return { kind: 'failed', reason: added.stderr.trim().slice(0, 500) }
  // A partial clone does not have every object, and nothing is fetched here.
  const written = await runGit([...plain, 'write-tree', '--missing-ok'], own)
  if (!written.ok) return { kind: 'failed', reason: written.stderr.trim().slice(0, 500) }
  return { kind: 'taken', snapshot: { root: place.root, tree: written.stdout.trim(), objects } }
}

async function compareWith(deps: Insides, before: TreeSnapshot, folder: string): Promise<ChangesOutcome> {
  const now = await takeSnapshot(deps, before.root, folder)
  const place = await deps.locate(before.root)
  if (now.kind === 'no-repository' || place === undefined)
    return { kind: 'failed', reason: `${before.root} is no git repository any more` }
  if (now.kind === 'failed') return now
  if (now.snapshot.tree === before.tree) return { kind: 'compared', diff: '', files: [] }
  const env = { GIT_OBJECT_DIRECTORY: before.objects, GIT_ALTERNATE_OBJECT_DIRECTORIES: quoted(place.objects) }
  const own = await withoutFilters(gitOptions(deps, before.root, env))
  if (own === undefined) return { kind: 'failed', reason: filtersUnknown }
  const range = ['--no-ext-diff', '--no-textconv', '--no-color', '--find-renames', before.tree, now.snapshot.tree]
  const names = await runGit(['diff-tree', '-r', '--name-only', '-z', ...range], own)
  const patch = await runGit(['diff-tree', '-r', '-p', ...range], { ...own, maxBytes: deps.maxDiffBytes })
  if (!patch.ok && !patch.wasCutOff) return { kind: 'failed', reason: patch.stderr.trim().slice(0, 500) }
  return {
    kind: 'compared',
    diff: patch.wasCutOff ? `${patch.stdout}\n[cut at ${deps.maxDiffBytes} bytes]\n` : patch.stdout,
    files: names.stdout.split('\0').filter(name => name !== ''),
  }
}

const filtersUnknown = 'the filters of the repository could not be listed, so they could not be switched off'

const plain = [
  'core.compression=0',
  'core.untrackedCache=false',
  'core.splitIndex=false',
  'core.safecrlf=false',
  'advice.addEmbeddedRepo=false',
].flatMap(setting => ['-c', setting])

/** git splits this variable at each `:`, but for a path in quotes; it reads those as C does. */
const quoted = (path: string): string => JSON.stringify(path)

function gitOptions(
  deps: WorkTreeDeps & Partial<Insides>,
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): GitOptions {
  return {
    cwd,
    env: { ...deps.env, ...env },
    timeoutMs: deps.timeoutMs,
    isBeside: deps.isBeside === true,
    thread: deps.thread,
  }
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to)
    // git takes a file that is not older than its index for possibly changed; a copy that looks newer would hide that.
    const { mtimeMs } = await stat(from)
    const wholeSeconds = Math.floor(mtimeMs / 1000)
    await utimes(to, wholeSeconds, wholeSeconds)
  } catch (error) {
    // A repository without a first `git add` has no index.
    if (systemCodeOf(error) !== 'ENOENT') throw error
    await rm(to, { force: true })
  }
}
