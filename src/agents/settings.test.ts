import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { silentLog, systemClock } from '#kernel'
import { openStore } from '#store'
import { createSettingsBook } from './settings.ts'

async function openBook() {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-settings-'))
  const store = await openStore({ file: join(folder, 'tandem.db'), clock: systemClock, log: silentLog })
  return {
    book: createSettingsBook(store),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

describe('settings', () => {
  it('have defaults; the global ones win over those, a project over the global ones', async () => {
    await using opened = await openBook()
    const { book } = opened
    expect((await book.view(undefined)).effective).toEqual({ effort: null, reasoning: false, final_only: true })
    await book.edit({ project: undefined }, { effort: 'high', reasoning: true })
    await book.edit({ project: '/a' }, { effort: 'low' })
    expect(await book.view('/a')).toEqual({
      effective: { effort: 'low', reasoning: true, final_only: true },
      global: { effort: 'high', reasoning: true },
      project: { effort: 'low' },
    })
    expect((await book.view('/b')).effective.effort).toBe('high')
  })

  it('are taken back by "default", one by one', async () => {
    await using opened = await openBook()
    const { book } = opened
    await book.edit({ project: '/a' }, { effort: 'low', final_only: false })
    await book.edit({ project: '/a' }, { effort: 'default', reasoning: undefined })
    expect((await book.view('/a')).project).toEqual({ final_only: false })
  })

  it('keep every change of several that are made at once', async () => {
    await using opened = await openBook()
    const { book } = opened
    const scope = { project: undefined }
    await Promise.all([
      book.edit(scope, { effort: 'low' }),
      book.edit(scope, { reasoning: true }),
      book.edit(scope, { final_only: false }),
    ])
    expect((await book.view(undefined)).global).toEqual({ effort: 'low', reasoning: true, final_only: false })
  })
})
