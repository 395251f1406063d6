import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesOf, objectsIn, openPlace, openRepository } from './test-work-tree.ts'

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
