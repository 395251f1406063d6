import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filePatchesOf } from './file-patches.ts'
import { checkProposedDiff } from './proposed-diff.ts'
import { gitEnvironment } from './run-git.ts'

const poem = ['one', 'two', '', 'four', 'five', ''].join('\n')

/** A repository with `poem.txt`, and with `deep/poem.txt` below its root. */
function openRepository(text = poem): Disposable & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-diff-'))
  execFileSync('git', ['init', '-q', folder])
  mkdirSync(join(folder, 'deep'))
  writeFileSync(join(folder, 'poem.txt'), text)
  writeFileSync(join(folder, 'deep', 'poem.txt'), 'deep one\n')
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) }
}

const place = (cwd: string): Parameters<typeof checkProposedDiff>[1] => ({
  cwd,
  env: gitEnvironment(process.env),
  timeoutMs: 10_000,
})

const twoToZwei = [
  '--- a/poem.txt',
  '+++ b/poem.txt',
  '@@ -1,5 +1,5 @@',
  ' one',
  '-two',
  '+zwei',
  ' ',
  ' four',
  ' five',
]

describe('a proposed diff', () => {
  it('is none in an answer without one', async () => {
    using repository = openRepository()
    const prose = 'I would not change it.\n\n--- a rule\n- a list\n+ a plus\n@@ not a hunk'
    expect(await checkProposedDiff(prose, place(repository.folder))).toBeNull()
    expect(await checkProposedDiff('', place(repository.folder))).toBeNull()
  })

  it.each([
    ['fenced', ['Here:', '```diff', ...twoToZwei, '```', '', 'That is all.']],
    ['bare, with prose and a list after it', [...twoToZwei, '', '', 'I did this:', '', '- one thing', '- another']],
    ['bare, with a list right after an empty line', [...twoToZwei, '', '- one thing']],
    ['with the spaces of empty context lines dropped', twoToZwei.map(line => (line === ' ' ? '' : line))],
    ['with wrong counts', twoToZwei.map(line => (line.startsWith('@@') ? '@@ -1,2 +1,9 @@' : line))],
    ['with a git header', ['diff --git a/poem.txt b/poem.txt', 'index 1234567..89abcde 100644', ...twoToZwei]],
  ])('is found %s', async (_, lines) => {
    using repository = openRepository()
    const found = await checkProposedDiff(lines.join('\n'), place(repository.folder))
    expect(found).toMatchObject({ applies: true, files: [{ path: 'poem.txt', applies: true }] })
    expect(found?.patch).not.toMatch(/thing|Here|That/)
    // What the caller gets applies as it is, by any tool.
    const apply = ['-C', repository.folder, 'apply', '-']
    expect(execFileSync('git', apply, { input: found?.patch ?? '', encoding: 'utf8' })).toBe('')
  })

  it('is found in an answer that was converted to CRLF', async () => {
    using repository = openRepository()
    const found = await checkProposedDiff(twoToZwei.join('\r\n'), place(repository.folder))
    expect(found).toMatchObject({ applies: true })
  })

  it('keeps the CR of a file that has CRLF', async () => {
    using repository = openRepository(poem.replaceAll('\n', '\r\n'))
    const lines = twoToZwei.map((line, index) => (index < 3 ? line : `${line}\r`))
    expect(await checkProposedDiff(`Here:\n${lines.join('\n')}\n`, place(repository.folder))).toMatchObject({
      applies: true,
    })
  })

  it('may make, delete and rename files', async () => {
    using repository = openRepository()
    const answer = `
diff --git a/new.txt b/new.txt
new file mode 100644
--- /dev/null
+++ b/new.txt
@@ -0,0 +1 @@
+hello
diff --git a/empty.txt b/empty.txt
new file mode 100644
index 0000000..e69de29
diff --git a/poem.txt b/song.txt
similarity index 100%
rename from poem.txt
rename to song.txt
diff --git a/deep/poem.txt b/deep/poem.txt
deleted file mode 100644
--- a/deep/poem.txt
+++ /dev/null
@@ -1 +0,0 @@
-deep one
`
    expect(await checkProposedDiff(answer, place(repository.folder))).toMatchObject({
      applies: true,
      files: [{ path: 'new.txt' }, { path: 'empty.txt' }, { path: 'song.txt' }, { path: 'deep/poem.txt' }],
    })
  })

  it('names each file that does not apply, with the reason, and still checks the others', async () => {
    using repository = openRepository()
    const patch = (path: string, before: string): string =>
      `--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-${before}\n+x\n`
    const answer = patch('poem.txt', 'nothing') + patch('gone.txt', 'a') + patch('deep/poem.txt', 'deep one')
    expect(await checkProposedDiff(answer, place(repository.folder))).toMatchObject({
      applies: false,
      files: [
        { path: 'poem.txt', applies: false, reason: expect.stringContaining('poem.txt') },
        { path: 'gone.txt', applies: false, reason: expect.stringContaining('No such file') },
        { path: 'deep/poem.txt', applies: true },
      ],
    })
  })

  it('may change one file twice', async () => {
    using repository = openRepository()
    const again = ['--- a/poem.txt', '+++ b/poem.txt', '@@ -1,3 +1,3 @@', ' one', '-zwei', '+deux', ' ']
    const answer = ['```diff', ...twoToZwei, '```', 'and then', '```diff', ...again, '```'].join('\n')
    expect(await checkProposedDiff(answer, place(repository.folder))).toMatchObject({ applies: true })
  })

  it('may be written from the directory or from the root of its repository, but not from nowhere', async () => {
    using repository = openRepository()
    const patch = (path: string): string =>
      [`diff --git a/${path} b/${path}`, `--- a/${path}`, `+++ b/${path}`, '@@ -1 +1 @@', '-deep one', '+x', ''].join(
        '\n',
      )
    const deep = place(join(repository.folder, 'deep'))
    expect(await checkProposedDiff(patch('poem.txt'), deep)).toMatchObject({ applies: true })
    expect(await checkProposedDiff(patch('deep/poem.txt'), deep)).toMatchObject({ applies: true })
    // Inside of a repository git itself passes over such a file and reports success.
    expect(await checkProposedDiff(patch('other/poem.txt'), deep)).toMatchObject({ applies: false })
  })

  it('never leaves the directory', async () => {
    using repository = openRepository()
    const answer = ['--- a/../escape.txt', '+++ b/../escape.txt', '@@ -0,0 +1 @@', '+x'].join('\n')
    expect(await checkProposedDiff(answer, place(repository.folder))).toMatchObject({ applies: false })
  })
})

describe('patches in a text', () => {
  it('are read in one pass, however long the text is', () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => (index % 2 === 0 ? '' : ' context'))
    const long = ['--- a/x', '+++ b/x', '@@ -1,20000 +1,20000 @@', ...lines].join('\n')
    const startedAt = performance.now()
    expect(filePatchesOf(long)).toHaveLength(1)
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })
})
