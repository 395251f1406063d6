import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { z } from 'zod'
import { createFakeClock } from '#kernel'
import { readConfigStamp } from './config-stamp.ts'
import { createConfigReader } from './effective-config.ts'

/** An app-server that answers when it is told to. Each `change` is one of the files. */
function openReader() {
  const held: ((answer: unknown) => void)[] = []
  const asked: unknown[] = []
  async function quick<T>(_method: string, schema: z.ZodType<T>, params: object): Promise<T> {
    asked.push(params)
    return schema.parse(await new Promise(resolve => held.push(resolve)))
  }
  const clock = createFakeClock()
  let files = { text: '0', changedAt: 0 }
  const reader = createConfigReader({ call: { quick }, clock, stampOf: () => Promise.resolve(files) })
  return {
    ...reader,
    clock,
    asked,
    change: () => (files = { text: `${files.text}+`, changedAt: clock.now() }),
    answer: async (config: unknown) => {
      await new Promise(setImmediate)
      held.shift()?.({ config })
    },
  }
}

describe('what Codex would load in a directory', () => {
  it('is asked once for each directory while its files stay as they are', async () => {
    const { read, clock, asked, answer } = openReader()
    const both = Promise.all([read('/a'), read('/a')])
    const other = read('/b')
    await answer({ model: 'one' })
    await answer({ model: 'two' })
    expect(await both).toMatchObject([{ model: 'one' }, { model: 'one' }])
    expect(await other).toMatchObject({ model: 'two' })
    clock.advance(59_000)
    expect(await read('/a')).toMatchObject({ model: 'one' })
    expect(asked).toEqual([{ cwd: '/a' }, { cwd: '/b' }])
  })

  it('is asked again after a minute, as not everything is a file', async () => {
    const { read, clock, answer } = openReader()
    const first = read('/a')
    await answer({ model: 'one' })
    await first
    clock.advance(60_000)
    const later = read('/a')
    await answer({ model: 'two' })
    expect(await later).toMatchObject({ model: 'two' })
  })

  it('is asked again when a file changed, also while Codex reads', async () => {
    const { read, change, answer } = openReader()
    const first = read('/a')
    await new Promise(setImmediate)
    change()
    const second = read('/a')
    await answer({ model: 'one' })
    await answer({ model: 'two' })
    expect(await first).toMatchObject({ model: 'one' })
    expect(await second).toMatchObject({ model: 'two' })
  })

  it('is kept for a second only when a file changed just now: the next change may look the same', async () => {
    const { read, clock, change, asked, answer } = openReader()
    change()
    const first = read('/a')
    await answer({ model: 'one' })
    await first
    clock.advance(999)
    await read('/a')
    expect(asked).toHaveLength(1)
    clock.advance(1)
    const later = read('/a')
    await answer({ model: 'two' })
    expect(await later).toMatchObject({ model: 'two' })
  })

  it('is asked once more for those who shared a question that failed', async () => {
    const { read, asked, answer } = openReader()
    const all = Promise.allSettled([read('/a'), read('/a'), read('/a')])
    await answer({ mcp_servers: 'not a table' })
    await answer({ model: 'one' })
    expect(await all).toMatchObject([{ status: 'rejected' }, { value: { model: 'one' } }, { value: { model: 'one' } }])
    expect(asked).toHaveLength(2)
  })

  it('is not kept where anything may mark the root of a project', async () => {
    const { read, answer } = openReader()
    const first = read('/a')
    await answer({ project_root_markers: ['.hg'] })
    await first
    const second = read('/a')
    await answer({ model: 'two' })
    expect(await second).toMatchObject({ model: 'two' })
  })

  it('is there already when it was asked ahead; in vain, and it is asked again', async () => {
    const { read, ahead, asked, answer } = openReader()
    ahead('/a')
    await answer({ model: 'one' })
    await expect(read('/a')).resolves.toMatchObject({ model: 'one' })
    expect(asked).toHaveLength(1)
    ahead('/b')
    await answer({ mcp_servers: 'not a table' })
    await new Promise(setImmediate)
    const again = read('/b')
    await answer({ model: 'two' })
    expect(await again).toMatchObject({ model: 'two' })
  })

  it('is kept for 256 directories', async () => {
    const { read, asked, answer } = openReader()
    for (let number = 0; number <= 256; number += 1) {
      const reading = read(`/${number}`)
      await answer({})
      await reading
    }
    await read('/1')
    expect(asked).toHaveLength(257)
    const again = read('/0')
    await answer({ model: 'again' })
    expect(await again).toMatchObject({ model: 'again' })
  })
})

describe('the state of the files that Codex reads', () => {
  function openFolder(): { readonly cwd: string; readonly codexHome: string; readonly root: string } {
    const root = mkdtempSync(join(tmpdir(), 'tandem-stamp-'))
    onTestFinished(() => rmSync(root, { recursive: true }))
    const cwd = join(root, 'project', 'inner')
    const codexHome = join(root, 'codex')
    mkdirSync(join(root, 'project', '.codex'), { recursive: true })
    mkdirSync(cwd)
    mkdirSync(codexHome)
    return { cwd, codexHome, root }
  }

  it('is another after each change that counts, and the same without', async () => {
    const { cwd, codexHome, root } = openFolder()
    const seen = new Set<string>()
    const look = async (): Promise<number> => seen.add((await readConfigStamp(cwd, codexHome)).text).size
    const changes = [
      () => writeFileSync(join(codexHome, 'config.toml'), 'model = "a"'),
      () => writeFileSync(join(codexHome, 'config.toml'), 'model = "longer"'),
      () => utimesSync(join(codexHome, 'config.toml'), 1, 1),
      () => rmSync(join(codexHome, 'config.toml')),
      () => writeFileSync(join(root, 'project', '.codex', 'config.toml'), ''),
      () => mkdirSync(join(root, 'project', '.git')),
      () => writeFileSync(join(cwd, '.git'), 'gitdir: one'),
      () => writeFileSync(join(cwd, '.git'), 'gitdir: another'),
    ]
    await look()
    for (const [index, change] of changes.entries()) {
      change()
      const count = await look()
      // Without the file the state is the first one again.
      expect(count).toBe(index >= 3 ? index + 1 : index + 2)
      expect(await look()).toBe(count)
    }
    writeFileSync(join(root, 'project', '.git', 'index'), '')
    writeFileSync(join(codexHome, 'auth.json'), '{}')
    expect(await look()).toBe(changes.length)
  })

  it('tells when the latest of them changed', async () => {
    const { cwd, codexHome } = openFolder()
    const before = (await readConfigStamp(cwd, codexHome)).changedAt
    writeFileSync(join(codexHome, 'config.toml'), '')
    const { changedAt } = await readConfigStamp(cwd, codexHome)
    expect(changedAt).toBeGreaterThan(before)
    expect(Math.abs(changedAt - statSync(join(codexHome, 'config.toml')).mtimeMs)).toBeLessThan(1)
  })
})
