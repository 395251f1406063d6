import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasCommandRules } from './command-rules.ts'
import { openPlace } from './harness.ts'

describe('rules of Codex that hold for a directory', () => {
  test.each([
    ['none', [], false],
    ["the user's", ['codex/rules/default.rules'], true],
    ["a repository's, from below", ['work/.codex/rules/own.rules'], true],
    ["the directory's own", ['work/deep/in/.codex/rules/x.rules'], true],
    ['other files', ['codex/rules/README.md', 'work/.codex/config.toml', 'work/other/.codex/rules/x.rules'], false],
    ['a file in place of the folder', ['codex/rules'], false],
  ] as const)('%s', async (_, files, isThere) => {
    await using place = await openPlace()
    const cwd = join(place.work, 'deep/in')
    await mkdir(cwd, { recursive: true })
    for (const file of files) {
      await mkdir(join(place.home, file, '..'), { recursive: true })
      await writeFile(join(place.home, file), '')
    }
    expect(await hasCommandRules(cwd, place.codexHome)).toBe(isThere)
  })

  test('a folder that cannot be looked into counts as having some', async () => {
    await using place = await openPlace()
    // Also for root, who may look into everything.
    await symlink('rules', join(place.codexHome, 'rules'))
    expect(await hasCommandRules(place.work, place.codexHome)).toBe(true)
  })
})
