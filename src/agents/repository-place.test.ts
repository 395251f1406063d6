import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLocator } from './repository-place.ts'

let folder: string
let repository: string
let deep: string

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-place-')))
  repository = join(folder, 'repository')
  deep = join(repository, 'a', 'b')
  mkdirSync(deep, { recursive: true })
  git(repository, 'init', '-q')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function git(cwd: string, ...args: readonly string[]): void {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com']
  execFileSync('git', [...identity, ...args], { cwd, env: { PATH: process.env['PATH'] ?? '', HOME: folder } })
}

function openLocator() {
  const locate = createLocator()
  const found = async (cwd: string, path: string): Promise<string | undefined> =>
    (await locate({ cwd, env: { PATH: path, HOME: folder }, timeoutMs: 10_000 }))?.root
  return {
    rootOf: (cwd: string) => found(cwd, process.env['PATH'] ?? ''),
    /** Without a git to ask. */
    rememberedRootOf: (cwd: string) => found(cwd, join(folder, 'nothing')),
  }
}

describe('the repository of a directory', () => {
  it('is asked for once', async () => {
    const { rootOf, rememberedRootOf } = openLocator()
    expect(await rememberedRootOf(deep)).toBe(undefined)
    expect(await rootOf(deep)).toBe(repository)
    git(repository, 'commit', '-q', '--allow-empty', '-m', 'first')
    expect(await rememberedRootOf(deep)).toBe(repository)
  })

  it('is another one when one was made nearer', async () => {
    const { rootOf } = openLocator()
    expect(await rootOf(deep)).toBe(repository)
    git(join(repository, 'a'), 'init', '-q')
    expect(await rootOf(deep)).toBe(join(repository, 'a'))
  })

  it('is asked for again when it was taken away, made anew, or set up differently', async () => {
    const { rootOf, rememberedRootOf } = openLocator()
    expect(await rootOf(deep)).toBe(repository)
    renameSync(join(repository, '.git'), join(folder, 'away'))
    expect(await rootOf(deep)).toBe(undefined)
    git(repository, 'init', '-q')
    expect(await rememberedRootOf(deep)).toBe(undefined)
    expect(await rootOf(deep)).toBe(repository)
    git(repository, 'config', 'core.worktree', deep)
    expect(await rootOf(deep)).toBe(deep)
  })

  it('is looked for where a link leads now', async () => {
    const { rootOf } = openLocator()
    const link = join(folder, 'link')
    symlinkSync(deep, link)
    expect(await rootOf(link)).toBe(repository)
    rmSync(link)
    mkdirSync(join(folder, 'plain'))
    symlinkSync(join(folder, 'plain'), link)
    expect(await rootOf(link)).toBe(undefined)
  })

  it('is asked for each time where `.git` is a file, as what it names may change', async () => {
    const { rootOf, rememberedRootOf } = openLocator()
    git(repository, 'commit', '-q', '--allow-empty', '-m', 'first')
    const linked = join(folder, 'linked')
    git(repository, 'worktree', 'add', '-q', linked)
    expect(await rootOf(linked)).toBe(linked)
    expect(await rememberedRootOf(linked)).toBe(undefined)
  })

  it('is not remembered when git passes over the `.git` that is nearest', async () => {
    const { rootOf, rememberedRootOf } = openLocator()
    mkdirSync(join(deep, '.git', 'config'), { recursive: true })
    expect(await rootOf(deep)).toBe(repository)
    expect(await rememberedRootOf(deep)).toBe(undefined)
  })

  it('is none in a directory that does not exist', async () => {
    expect(await openLocator().rootOf(join(folder, 'gone'))).toBe(undefined)
  })
})
