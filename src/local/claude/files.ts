import { lstat, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { messageOf, systemCodeOf } from '#kernel'
import { claudeFileUnreadable, claudeFileUnwritable } from './errors.ts'
import { replaceFile } from './claude-file.ts'
import { makeDirectories, missingDirectories, removeEmptyDirectories } from './directories.ts'
import { sha256 } from './server-entry.ts'
import type { ClaudeChange } from '#contracts'
import type { Install, InstalledFile } from './manifest.ts'
import type { ShippedFile } from './shipped.ts'

export interface FilesPlan {
  readonly changes: readonly ClaudeChange[]
  /** Files of the user's where ours would be. */
  readonly inTheWay: readonly string[]
  /** What will be on record. */
  readonly files: readonly InstalledFile[]
  readonly directories: readonly string[]
  readonly steps: readonly Step[]
}

type Step =
  | { readonly kind: 'write'; readonly path: string; readonly content: Buffer; readonly mode: number }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'make' | 'remove-directory'; readonly path: string }

/** What is to be done so that the files stand below `directory`; nothing is done yet. */
export async function planFiles(
  directory: string,
  shipped: readonly ShippedFile[],
  prior: Install | undefined,
  options: { readonly isForced: boolean },
): Promise<FilesPlan> {
  const wanted = shipped.map(({ path, content }) => ({ path: join(directory, path), content }))
  const plans = await Promise.all(
    wanted.map(async file =>
      planFile(
        file,
        await look(file.path),
        prior?.files.find(one => one.path === file.path),
        options,
      ),
    ),
  )
  const old = (prior?.files ?? []).filter(file => !wanted.some(({ path }) => path === file.path))
  const removals = await planRemovals(old, [])
  const made = await missingDirectories(wanted.map(({ path }) => dirname(path)))
  return {
    changes: [...plans.map(({ change }) => change), ...removals.changes],
    inTheWay: plans.flatMap(({ change, record }) => (record === undefined ? [change.target] : [])),
    files: plans.flatMap(({ record }) => record ?? []),
    directories: [...new Set([...(prior?.directories ?? []), ...made])],
    steps: [
      ...made.map(path => ({ kind: 'make' as const, path })),
      ...plans.flatMap(({ step }) => step ?? []),
      ...removals.steps,
    ],
  }
}

/** What is to be done so that they are gone, and what was there before is back. */
export async function planRemovals(
  files: readonly InstalledFile[],
  directories: readonly string[],
): Promise<FilesPlan> {
  const plans = await Promise.all(files.map(async file => planRemoval(file, await look(file.path))))
  return {
    changes: plans.map(({ change }) => change),
    inTheWay: [],
    files: [],
    directories: [],
    steps: [
      ...plans.flatMap(({ step }) => step ?? []),
      ...directories.toReversed().map(path => ({ kind: 'remove-directory' as const, path })),
    ],
  }
}

export async function applyFiles({ steps }: FilesPlan): Promise<void> {
  for (const step of steps)
    try {
      await apply(step)
    } catch (error) {
      throw claudeFileUnwritable(step.path, messageOf(error), error)
    }
}

async function apply(step: Step): Promise<void> {
  switch (step.kind) {
    case 'make':
      return makeDirectories([step.path])
    case 'write':
      return replaceFile(step.path, step.content, step.mode)
    case 'remove':
      return rm(step.path, { force: true })
    case 'remove-directory':
      return removeEmptyDirectories([step.path])
  }
}

interface FilePlan {
  readonly change: ClaudeChange
  /** Undefined: the user's own file is in the way. */
  readonly record?: InstalledFile
  readonly step?: Step
}

interface There {
  readonly content: Buffer
  /** It leads to a file that is kept elsewhere: not to be replaced by one of ours, with or without force. */
  readonly isLink: boolean
  readonly mode: number
}

function planFile(
  { path, content }: ShippedFile,
  there: There | undefined,
  prior: InstalledFile | undefined,
  { isForced }: { readonly isForced: boolean },
): FilePlan {
  const mine = recordOf(path, content, prior)
  const step = { kind: 'write', path, content, mode: 0o644 } as const
  if (there === undefined) return { change: told(path, 'added'), record: mine, step }
  if (there.isLink)
    return { change: told(path, 'kept', 'is a link'), ...(prior === undefined ? {} : { record: prior }) }
  const aside = { ...mine, before: there.content.toString('base64'), before_mode: there.mode }
  if (there.content.equals(content)) {
    if (prior !== undefined) return { change: told(path, 'unchanged'), record: mine }
    // The user's own copy of the very same is the user's.
    return { change: told(path, 'unchanged', 'was there already, and stays'), record: aside }
  }
  if (sha256(there.content) === prior?.sha256) return { change: told(path, 'updated'), record: mine, step }
  if (isForced) return { change: told(path, 'replaced', 'yours comes back with the removal'), record: aside, step }
  if (prior === undefined) return { change: told(path, 'kept') }
  return { change: told(path, 'kept', 'you have changed it since; --force replaces it'), record: prior }
}

const recordOf = (path: string, content: Buffer, prior: InstalledFile | undefined): InstalledFile => ({
  path,
  sha256: sha256(content),
  before: prior?.before ?? null,
  before_mode: prior?.before_mode ?? null,
})

function planRemoval(file: InstalledFile, there: There | undefined): FilePlan {
  const { path, before } = file
  if (there === undefined) return { change: told(path, 'unchanged', 'was removed already') }
  if (there.isLink || sha256(there.content) !== file.sha256)
    return { change: told(path, 'kept', 'you have changed it since') }
  if (before === null) return { change: told(path, 'removed'), step: { kind: 'remove', path } }
  const content = Buffer.from(before, 'base64')
  if (content.equals(there.content)) return { change: told(path, 'kept', 'it was there before') }
  return { change: told(path, 'restored'), step: { kind: 'write', path, content, mode: file.before_mode ?? 0o644 } }
}

const told = (target: string, action: ClaudeChange['action'], note: string | null = null): ClaudeChange => ({
  target,
  action,
  note,
})

async function look(path: string): Promise<There | undefined> {
  try {
    const found = await lstat(path)
    if (found.isSymbolicLink()) return { content: Buffer.alloc(0), isLink: true, mode: 0 }
    if (found.isFile()) return { content: await readFile(path), isLink: false, mode: found.mode & 0o777 }
    throw claudeFileUnreadable(path, 'it is not a file', undefined)
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT') return undefined
    if (code === undefined) throw error
    throw claudeFileUnreadable(path, messageOf(error), error)
  }
}
