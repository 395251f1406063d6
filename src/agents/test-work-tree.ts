import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gitEnvironment } from './run-git.ts'
import { createWorkTree } from './work-tree.ts'
import type { ChangesOutcome, WorkTree } from './work-tree.ts'

/** A directory of a test's own, not yet a repository. */
export interface Place extends Disposable {
  readonly folder: string
  readonly repository: string
  readonly state: string
  readonly tree: WorkTree
  git(...args: readonly string[]): string
  write(path: string, text: string): void
  /** What changed while `work` ran, from the directory. */
  during(work: () => void, cwd?: string): Promise<ChangesOutcome>
}

export function openPlace(limits: { readonly timeoutMs?: number; readonly maxDiffBytes?: number } = {}): Place {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tandem-tree-')))
  const repository = join(folder, 'repository')
  const state = join(folder, 'state', 'turn_1')
  mkdirSync(repository)
  const env = { ...gitEnvironment(process.env), HOME: folder, PATH: process.env['PATH'] ?? '' }
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-c', 'init.defaultBranch=main']
  const tree = createWorkTree({ env, timeoutMs: 10_000, maxDiffBytes: 100_000, ...limits })
  return {
    folder,
    repository,
    state,
    tree,
    git: (...args) =>
      execFileSync('git', ['-C', repository, ...identity, ...args], { env, encoding: 'utf8', stdio: 'pipe' }),
    write: (path, text) => writeFileSync(join(repository, path), text),
    async during(work, cwd = repository) {
      const before = await tree.snapshot(cwd, state)
      work()
      if (before.kind !== 'taken') throw new Error(`no snapshot: ${JSON.stringify(before)}`)
      return tree.changesSince(before.snapshot, state)
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** With `a.txt` and `sub/b.txt` committed, and a file that is ignored. */
export function openRepository(limits: Parameters<typeof openPlace>[0] = {}): Place {
  const place = openPlace(limits)
  place.git('init', '-q')
  mkdirSync(join(place.repository, 'sub'))
  place.write('a.txt', 'one\ntwo\nthree\n')
  place.write('sub/b.txt', 'bee\n')
  place.write('.gitignore', 'ignored.txt\n')
  place.write('ignored.txt', 'secret\n')
  place.git('add', '.')
  place.git('commit', '-q', '-m', 'first')
  return place
}

/** What was compared, or why it was not. */
export const filesOf = (outcome: ChangesOutcome): readonly string[] =>
  outcome.kind === 'compared' ? outcome.files : [outcome.reason]
export const diffOf = (outcome: ChangesOutcome): string => (outcome.kind === 'compared' ? outcome.diff : outcome.reason)

export function objectsIn(place: Place): readonly string[] {
  return readdirSync(join(place.repository, '.git', 'objects'), { recursive: true, encoding: 'utf8' }).toSorted()
}
