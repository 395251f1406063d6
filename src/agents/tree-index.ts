import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { runGit } from './run-git.ts'
import type { GitOptions } from './run-git.ts'

/** A larger file that git does not know is left out of a snapshot: it would be copied into our state directory. */
const maxUntrackedBytes = 20 * 1024 * 1024
/** Bytes of names that are read of an index or of untracked files: some 500,000 of them. */
const maxListBytes = 64 * 1024 * 1024

/**
 * Takes the repositories inside the repository out of an index. `git add` looks into each that is in it by a `git status`
 * of its own, which runs the filters that the inner one configures (git 2.39). `git add` puts them back, by their commit
 * alone. False when the index could not be read.
 */
export async function withoutInnerRepositories(options: GitOptions): Promise<boolean> {
  const listed = await runGit(['ls-files', '--stage', '-z'], { ...options, maxBytes: maxListBytes })
  if (!listed.ok) return false
  const inner = listed.stdout.split('\0').filter(entry => entry.startsWith(`${gitlinkMode} `))
  if (inner.length === 0) return true
  const removals = inner.map(entry => {
    const [, object = ''] = entry.split(' ')
    return `0 ${'0'.repeat(object.length)}\t${entry.slice(entry.indexOf('\t') + 1)}\0`
  })
  const removed = await runGit(['update-index', '-z', '--index-info'], { ...options, input: removals.join('') })
  return removed.ok
}

/** The untracked files that are too large to be copied, by their paths from the root. */
export async function largeUntrackedFiles(options: GitOptions): Promise<readonly string[]> {
  const listed = await runGit(['ls-files', '--others', '--exclude-standard', '-z'], {
    ...options,
    maxBytes: maxListBytes,
  })
  const names = listed.stdout.split('\0').filter(name => name !== '' && !name.endsWith('/'))
  const large: string[] = []
  for (const name of names) {
    if ((await sizeOf(join(options.cwd, name))) > maxUntrackedBytes) large.push(name)
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
