import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { runGit } from './run-git.ts'
import type { GitOptions } from './run-git.ts'

/** A larger file that git does not know is left out of a snapshot: it would be copied into our state directory. */
const maxUntrackedBytes = 20 * 1024 * 1024
/** Bytes of names that are read of an index and of untracked files: some 1,000,000 of them. */
const maxListBytes = 128 * 1024 * 1024

/** What a snapshot must know of a tree before it is added. */
export interface ListedTree {
  /** Repositories inside the repository that are in the index: an object and a path each. */
  readonly inner: readonly { readonly object: string; readonly path: string }[]
  readonly untracked: readonly string[]
}

/** Both in one look: each start of git costs. Undefined when the index could not be read. */
export async function readTree(options: GitOptions): Promise<ListedTree | undefined> {
  const args = ['ls-files', '-t', '-z', '--stage', '--others', '--exclude-standard']
  const listed = await runGit(args, { ...options, maxBytes: maxListBytes })
  if (!listed.ok) return undefined
  // A tag, a blank, and what there is to say: of an untracked file only its name.
  const entries = listed.stdout.split('\0').filter(entry => entry !== '')
  const untracked = entries.filter(entry => entry.startsWith('? ')).map(entry => entry.slice(2))
  const inner = entries.filter(entry => !entry.startsWith('? ') && entry.startsWith(`${gitlinkMode} `, 2))
  return { inner: inner.map(entry => innerOf(entry.slice(2))), untracked }
}

function innerOf(entry: string): { readonly object: string; readonly path: string } {
  const [, object = ''] = entry.split(' ')
  return { object, path: entry.slice(entry.indexOf('\t') + 1) }
}

/**
 * Takes the repositories inside the repository out of an index. `git add` looks into each that is in it by a `git status`
 * of its own, which runs the filters that the inner one configures (git 2.39). `git add` puts them back, by their commit
 * alone. False when the index could not be written.
 */
export async function withoutInnerRepositories(options: GitOptions, { inner }: ListedTree): Promise<boolean> {
  if (inner.length === 0) return true
  const removals = inner.map(({ object, path }) => `0 ${'0'.repeat(object.length)}\t${path}\0`)
  const removed = await runGit(['update-index', '-z', '--index-info'], { ...options, input: removals.join('') })
  return removed.ok
}

/** The untracked files that are too large to be copied, by their paths from the root. */
export async function largeFilesOf(root: string, { untracked }: ListedTree): Promise<readonly string[]> {
  const large: string[] = []
  for (const name of untracked) {
    // Of an untracked repository only the folder is named.
    if (!name.endsWith('/') && (await sizeOf(join(root, name))) > maxUntrackedBytes) large.push(name)
  }
  return large
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await lstat(path)).size
  } catch {
    // Gone since it was listed.
    return 0
  }
}

const gitlinkMode = '160000'
