import { lstat, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runGit } from './run-git.ts'
import type { GitOptions } from './run-git.ts'

/** Where a repository has its parts. */
export interface Place {
  readonly root: string
  readonly gitDir: string
  readonly objects: string
}

interface Mark {
  readonly gitDir: string
  /** What changes when it is another one, or is set up differently. */
  readonly state: string
}

/** Repositories that are remembered; beyond that all are forgotten, and asked for again. */
const maxKnown = 500

/**
 * Finds the repository of a directory. git is asked once for each; after that it is enough to see that the nearest `.git`
 * above the directory and its configuration are those of that time: to start git costs a large process some milliseconds.
 */
export function createLocator(): (options: GitOptions) => Promise<Place | undefined> {
  const known = new Map<string, { readonly mark: Mark; readonly place: Place }>()
  return async options => {
    const mark = await markOf(options.cwd)
    const found = known.get(options.cwd)
    if (found !== undefined && found.mark.state === mark?.state) return found.place
    known.delete(options.cwd)
    const place = await ask(options)
    // A `.git` that git passes over is not looked at by us either.
    if (place === undefined || mark === undefined || place.gitDir !== mark.gitDir) return place
    if (known.size >= maxKnown) known.clear()
    known.set(options.cwd, { mark, place })
    return place
  }
}

async function ask(options: GitOptions): Promise<Place | undefined> {
  const found = await runGit(
    ['rev-parse', '--path-format=absolute', '--show-toplevel', '--absolute-git-dir', '--git-path', 'objects'],
    options,
  )
  const [root, gitDir, objects] = found.stdout.split('\n')
  return found.ok && root && gitDir && objects ? { root, gitDir, objects } : undefined
}

/**
 * What git would find first, and that it is the same as before. Undefined when there is none, or when it is a file that
 * leads elsewhere (a linked working tree, a submodule): those are always asked for.
 */
async function markOf(cwd: string): Promise<Mark | undefined> {
  try {
    for (let folder = await realpath(cwd); ; folder = dirname(folder)) {
      const mark = await markIn(join(folder, '.git'))
      if (mark !== 'absent') return mark
      if (folder === dirname(folder)) return undefined
    }
  } catch {
    // It cannot be looked at: git says why.
    return undefined
  }
}

async function markIn(gitDir: string): Promise<Mark | 'absent' | undefined> {
  const found = await lstat(gitDir).catch(() => undefined)
  if (found === undefined) return 'absent'
  if (!found.isDirectory()) return undefined
  const config = await lstat(join(gitDir, 'config'))
  const state = [gitDir, found.dev, found.ino, config.ino, config.size, config.mtimeMs, config.ctimeMs].join(' ')
  return { gitDir, state }
}
