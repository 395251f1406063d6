import { expect, test } from 'vitest'
import type { StoreCopy } from '#contracts'
import { AppError, cancelled } from '#kernel'
import type { StoreCopyRequest } from './deps.ts'
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

test('on a terminal each table is told once', async () => {
  const harness = createHarness({
    terminal: 'both',
    local: {
      async storeCopy({ onStep }) {
        for (const { name, rows } of report.tables) onStep(`${name}: ${rows} rows, compared`)
        return report
      },
    },
  })
  expect(await harness.run('store', 'copy', '--to', 'postgres://me@db/tandem')).toBe(0)
  const seen = harness.stderr() + harness.stdout()
  expect(seen.match(/agents/g)).toHaveLength(1)
  expect(seen.match(/turns/g)).toHaveLength(1)
  expect(harness.stdout()).toMatch(/^copied 1502 rows from /)
})

test('store copy answers in JSON, and wants to know where to', async () => {
  const harness = createHarness({
    local: {
      async storeCopy({ onStep }) {
        onStep('agents: 2 rows')
        return report
      },
    },
  })
  await harness.run('store', 'copy', '--to', 'x.db', '--json')
  expect(JSON.parse(harness.stdout())).toEqual(report)
  expect(harness.stderr()).toBe('')
  expect(await harness.run('store', 'copy')).toBe(2)
  expect(harness.stderr()).toContain('--to <url-or-file>')
})

test.each([
  ['in order', cancelled('the copy'), 130, 'nothing was copied'],
  ['with a failure, which is told', new AppError('STORE_FULL', 'unavailable', 'no room'), 69, 'no room'],
])('store copy ends at Ctrl-C %s', async (_, error, code, said) => {
  const begun = Promise.withResolvers<AbortSignal>()
  const storeCopy = ({ signal }: StoreCopyRequest) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(error))
      begun.resolve(signal)
    })
  const harness = createHarness({ local: { storeCopy } })
  const running = harness.run('store', 'copy', '--to', 'x.db')
  const signal = await begun.promise
  harness.interrupt()
  expect(await running).toBe(code)
  expect(harness.stderr()).toContain(said)
  expect(harness.stderr().includes('nothing was copied')).toBe(code === 130)
  // What is left between two of its steps is left with this.
  expect(signal.reason).toMatchObject({ code: 'CANCELLED' })
})
