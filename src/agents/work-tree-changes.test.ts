import { execFileSync } from 'node:child_process'
import { renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { diffOf, filesOf, openPlace, openRepository } from './test-work-tree.ts'

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
