import { expect, test } from 'vitest'
import type { StoreCopy } from '#contracts'
import { createHarness } from './test-harness.ts'

const report: StoreCopy = {
  from: '/state/tandem.db',
  to: 'postgres://me@db/tandem\u001b[31m',
  tables: [
    { name: 'agents', rows: 2, sha256: 'a'.repeat(64) },
    { name: 'turns', rows: 1500, sha256: 'b'.repeat(64) },
  ],
  nodes: ['node_1'],
  node_id: 'node_1',
  notes: ['to use it, set store.url in /config/config.toml'],
}

test('store copy passes on where from and to, tells how far it is, and shows what was copied', async () => {
  const asked: unknown[] = []
  const harness = createHarness({
    local: {
      async storeCopy({ onStep, signal, ...places }) {
        asked.push(places, signal.aborted)
        onStep('turns: 1500 rows, compared')
        return report
      },
    },
  })
  expect(await harness.run('store', 'copy', '--to', 'postgres://me@db/tandem', '--from', 'old.db')).toBe(0)
  expect(asked).toEqual([{ to: 'postgres://me@db/tandem', from: 'old.db' }, false])
  expect(harness.stderr()).toContain('turns: 1500 rows, compared')
  const shown = harness.stdout()
  expect(shown).toContain('copied 1502 rows from /state/tandem.db to postgres://me@db/tandem')
  expect(shown).not.toContain('\u001b')
  expect(shown).toMatch(/turns +1500 +bbbbbbbbbbbbbbbb\n/)
  expect(shown).toContain('set store.url')
})

test('store copy answers in JSON, and wants to know where to', async () => {
  const harness = createHarness({ local: { storeCopy: async () => report } })
  await harness.run('store', 'copy', '--to', 'x.db', '--json')
  expect(JSON.parse(harness.stdout())).toEqual(report)
  expect(await harness.run('store', 'copy')).toBe(2)
  expect(harness.stderr()).toContain('--to <url-or-file>')
})

test('store copy ends at Ctrl-C with the code for it', async () => {
  const begun = Promise.withResolvers<void>()
  const harness = createHarness({
    local: {
      storeCopy: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('left')))
          begun.resolve()
        }),
    },
  })
  const running = harness.run('store', 'copy', '--to', 'x.db')
  await begun.promise
  harness.interrupt()
  expect(await running).toBe(130)
  expect(harness.stderr()).toContain('nothing was copied')
})
