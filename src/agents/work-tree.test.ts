import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { gitEnvironment } from './run-git.ts'
import { createWorkTree } from './work-tree.ts'
import type { ChangesOutcome, WorkTree } from './work-tree.ts'

interface Place extends Disposable {
  readonly folder: string
  readonly repository: string
  readonly state: string
  readonly tree: WorkTree
  git(...args: readonly string[]): string
  write(path: string, text: string): void
  /** What changed while `work` ran, from the directory. */
  during(work: () => void, cwd?: string): Promise<ChangesOutcome>
}

function openPlace(limits: { readonly timeoutMs?: number; readonly maxDiffBytes?: number } = {}): Place {
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
function openRepository(limits: Parameters<typeof openPlace>[0] = {}): Place {
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

const filesOf = (outcome: ChangesOutcome): readonly string[] =>
  outcome.kind === 'compared' ? outcome.files : [outcome.reason]
const diffOf = (outcome: ChangesOutcome): string => (outcome.kind === 'compared' ? outcome.diff : outcome.reason)

function objectsIn(place: Place): readonly string[] {
  return readdirSync(join(place.repository, '.git', 'objects'), { recursive: true, encoding: 'utf8' }).toSorted()
}

describe('what a turn changed', () => {
  it('is nothing when nothing did, and what was there before does not count', async () => {
    using place = openRepository()
    place.write('a.txt', 'changed before\n')
    place.write('untracked.txt', 'there before\n')
    expect(await place.during(() => undefined)).toEqual({ kind: 'compared', diff: '', files: [] })
  })

  it('is found however it was written: changed, new, deleted, renamed', async () => {
    using place = openRepository()
    const outcome = await place.during(() => {
      execFileSync('sh', ['-c', 'sed -i s/two/2/ a.txt; echo new > "it is new.txt"'], { cwd: place.repository })
      renameSync(join(place.repository, 'sub', 'b.txt'), join(place.repository, 'sub', 'c.txt'))
    })
    expect(diffOf(outcome)).toContain('-two\n+2\n')
    expect(diffOf(outcome)).toContain('+++ b/it is new.txt\t\n@@ -0,0 +1 @@\n+new\n')
    expect(diffOf(outcome)).toContain('rename from sub/b.txt\nrename to sub/c.txt\n')
    const gone = await place.during(() => rmSync(join(place.repository, 'a.txt')))
    expect(diffOf(gone)).toContain('deleted file mode 100644')
    expect(filesOf(gone)).toEqual(['a.txt'])
  })

  it('is found in untracked files, and not in ignored ones', async () => {
    using place = openRepository()
    place.write('untracked.txt', 'before\n')
    const outcome = await place.during(() => {
      place.write('untracked.txt', 'after\n')
      place.write('ignored.txt', 'other\n')
    })
    expect(filesOf(outcome)).toEqual(['untracked.txt'])
    expect(diffOf(outcome)).toContain('-before\n+after\n')
  })

  it('is found in the whole repository, from a directory below its root', async () => {
    using place = openRepository()
    const outcome = await place.during(() => place.write('a.txt', 'x\n'), join(place.repository, 'sub'))
    expect(filesOf(outcome)).toEqual(['a.txt'])
  })

  it.each(['with:a colon', 'with a "quote"'])('is found in a repository whose path is %s', async name => {
    using place = openRepository()
    const repository = join(place.folder, name)
    // Older than the index, so that git takes it for unchanged and its text is in the repository alone.
    utimesSync(join(place.repository, 'a.txt'), 1_000_000_000, 1_000_000_000)
    place.git('update-index', '--refresh')
    renameSync(place.repository, repository)
    const outcome = await place.during(() => writeFileSync(join(repository, 'a.txt'), 'x\n'), repository)
    expect(filesOf(outcome)).toEqual(['a.txt'])
    expect(diffOf(outcome)).toContain('-one')
  })

  it('is found in a repository without a commit, and without an index', async () => {
    using place = openPlace()
    place.git('init', '-q')
    expect(filesOf(await place.during(() => place.write('a.txt', 'x\n')))).toEqual(['a.txt'])
  })

  it('is found in a file of the same size, changed in the second in which it was committed', async () => {
    using place = openRepository()
    const outcome = await place.during(() => {
      place.write('quick.txt', 'aaa\n')
      place.git('add', 'quick.txt')
      place.write('quick.txt', 'bbb\n')
    })
    expect(diffOf(outcome)).toContain('+bbb')
  })

  it('is shown up to a limit, and says so', async () => {
    using place = openRepository({ maxDiffBytes: 1000 })
    const outcome = await place.during(() => place.write('long.txt', 'line\n'.repeat(2000)))
    expect(outcome).toMatchObject({ kind: 'compared', files: ['long.txt'] })
    expect(diffOf(outcome).length).toBeLessThan(1100)
    expect(diffOf(outcome)).toContain('[cut at 1000 bytes]')
  })

  it('is compared although line endings would be refused', async () => {
    using place = openRepository()
    place.git('config', 'core.autocrlf', 'input')
    place.git('config', 'core.safecrlf', 'true')
    expect(filesOf(await place.during(() => place.write('dos.txt', 'x\r\n')))).toEqual(['dos.txt'])
  })

  it('is not known when git fails, and says so instead of "nothing"', async () => {
    using place = openRepository()
    const before = await place.tree.snapshot(place.repository, place.state)
    place.write('.git/index', 'not an index')
    expect(await place.tree.snapshot(place.repository, place.state)).toMatchObject({
      kind: 'failed',
      reason: expect.stringContaining('index'),
    })
    expect(before.kind).toBe('taken')
  })
})

describe('looking at a working tree', () => {
  it("leaves the user's index and the repository's objects as they are, staged changes too", async () => {
    using place = openRepository()
    place.write('a.txt', 'staged\n')
    place.git('add', 'a.txt')
    place.write('a.txt', 'staged and changed\n')
    const index = readFileSync(join(place.repository, '.git', 'index'))
    const objects = objectsIn(place)
    const status = place.git('status', '--porcelain')
    await place.during(() => place.write('new.txt', 'new\n'))
    expect(readFileSync(join(place.repository, '.git', 'index')).equals(index)).toBe(true)
    expect(objectsIn(place)).toEqual(objects)
    expect(place.git('diff', '--cached', '--name-only')).toBe('a.txt\n')
    expect(status).toBe('MM a.txt\n')
  })

  it('is not possible outside of a repository', async () => {
    using place = openPlace()
    expect(await place.tree.snapshot(place.folder, place.state)).toEqual({ kind: 'no-repository' })
    expect(await place.tree.isRepository(place.folder)).toBe(false)
    expect(await place.tree.isRepository(join(place.folder, 'not there'))).toBe(false)
  })

  it('ends at its time limit', async () => {
    using place = openRepository({ timeoutMs: 1 })
    expect((await place.tree.snapshot(place.repository, place.state)).kind).not.toBe('taken')
  })

  it('executes nothing that the repository configures', async () => {
    using place = openRepository()
    const trap = join(place.folder, 'trap.sh')
    const sprung = join(place.folder, 'sprung')
    writeFileSync(trap, `#!/bin/sh\necho "$0 $*" >> ${sprung}\ncat\n`)
    chmodSync(trap, 0o755)
    for (const hook of ['post-index-change', 'pre-commit', 'post-checkout']) {
      writeFileSync(join(place.repository, '.git', 'hooks', hook), readFileSync(trap), { mode: 0o755 })
    }
    for (const name of [
      'core.fsmonitor',
      'diff.external',
      'core.pager',
      'filter.evil.clean',
      'filter.evil.smudge',
      'filter.other.process',
      'diff.evil.command',
      'diff.evil.textconv',
      'core.sshCommand',
    ]) {
      place.git('config', name, `${trap} ${name}`)
    }
    place.git('config', 'filter.evil.required', 'true')
    place.write('.gitattributes', '*.txt filter=evil diff=evil\n*.md filter=other\n')
    const outcome = await place.during(() => {
      place.write('a.txt', 'changed\n')
      place.write('b.md', 'new\n')
    })
    expect(filesOf(outcome)).toEqual(['a.txt', 'b.md'])
    expect(existsSync(sprung) ? readFileSync(sprung, 'utf8') : '').toBe('')
    expect(existsSync(sprung)).toBe(false)
  })

  const encoded = (text: string): Buffer => Buffer.from(text, 'latin1')
  const manyFilters = Array.from(
    { length: 3000 },
    (_, at) => `[filter "${at}${'x'.repeat(30)}"]\n\tclean = cat\n`,
  ).join('')

  it.each([
    ['with a name that holds "="', 'x=y', '', 'taken'],
    ['with a name that is not UTF-8', 'caf\u00e9', '', 'failed'],
    ['among more than can be listed', 'evil', manyFilters, 'failed'],
  ])('executes no filter %s', async (_, name, others, kind) => {
    using place = openRepository()
    const sprung = join(place.folder, 'sprung')
    const trap = join(place.folder, 'trap.sh')
    writeFileSync(trap, `#!/bin/sh\necho sprung > ${sprung}\ncat\n`, { mode: 0o755 })
    appendFileSync(
      join(place.repository, '.git', 'config'),
      encoded(`[filter "${name}"]\n\tclean = ${trap}\n\trequired\n${others}`),
    )
    writeFileSync(join(place.repository, '.gitattributes'), encoded(`* filter=${name}\n`))
    place.write('a.txt', 'changed\n')
    expect((await place.tree.snapshot(place.repository, place.state)).kind).toBe(kind)
    expect(existsSync(sprung)).toBe(false)
  })

  it('executes nothing that a repository inside the repository configures', async () => {
    using place = openRepository()
    const sprung = join(place.folder, 'sprung')
    const inner = join(place.repository, 'inner')
    place.git('init', '-q', inner)
    writeFileSync(join(inner, 'x.txt'), 'one\n')
    place.git('-C', inner, 'add', '.')
    place.git('-C', inner, 'commit', '-q', '-m', 'inner')
    place.git('add', 'inner')
    place.git('commit', '-q', '-m', 'with an inner repository')
    writeFileSync(join(inner, '.gitattributes'), '* filter=evil\n')
    place.git('-C', inner, 'config', 'filter.evil.clean', `sh -c 'echo sprung > ${sprung}; cat'`)
    const outcome = await place.during(() => {
      writeFileSync(join(inner, 'x.txt'), 'two\n')
      place.write('a.txt', 'changed\n')
    })
    expect(filesOf(outcome)).toEqual(['a.txt'])
    expect(existsSync(sprung)).toBe(false)
  })

  it('copies no large file that git does not know', async () => {
    using place = openRepository()
    const outcome = await place.during(() => {
      place.write('small.bin', 'x'.repeat(1000))
      place.write('huge.bin', 'x'.repeat(21 * 1024 * 1024))
    })
    expect(filesOf(outcome)).toEqual(['small.bin'])
  })

  it('fetches nothing for a partial clone whose remote is a command', async () => {
    using place = openRepository()
    const sprung = join(place.folder, 'sprung')
    place.git('config', 'core.repositoryFormatVersion', '1')
    place.git('config', 'extensions.partialClone', 'origin')
    place.git('config', 'remote.origin.promisor', 'true')
    place.git('config', 'protocol.ext.allow', 'always')
    const trap = join(place.folder, 'trap.sh')
    writeFileSync(trap, `#!/bin/sh\necho "$@" > ${sprung}\n`, { mode: 0o755 })
    place.git('config', 'remote.origin.url', `ext::${trap} %S`)
    // Older than the index, so that git takes it for unchanged and needs the missing object.
    utimesSync(join(place.repository, 'a.txt'), 1_000_000_000, 1_000_000_000)
    place.git('update-index', '--refresh')
    const blob = place.git('rev-parse', 'HEAD:a.txt').trim()
    rmSync(join(place.repository, '.git', 'objects', blob.slice(0, 2), blob.slice(2)))
    await place.during(() => place.write('a.txt', 'changed\n'))
    expect(existsSync(sprung)).toBe(false)
  })

  it('leaves nothing behind when it is forgotten', async () => {
    using place = openRepository()
    await place.during(() => appendFileSync(join(place.repository, 'a.txt'), 'x\n'))
    mkdirSync(join(place.folder, 'state', 'turn_2'))
    await place.tree.forgetOthers(join(place.folder, 'state'), new Set(['turn_2']))
    expect(readdirSync(join(place.folder, 'state'))).toEqual(['turn_2'])
    await place.tree.forget(join(place.folder, 'state', 'turn_2'))
    await place.tree.forgetOthers(join(place.folder, 'nowhere'), new Set())
    expect(readdirSync(join(place.folder, 'state'))).toEqual([])
  })
})
