import { assert, constantFrom, integer, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createEventLines } from './event-lines.ts'
import { createPaint } from './paint.ts'
import { widthOf } from './plain-text.ts'
import { createHarness, settle, turnId, wireEvent } from './test-harness.ts'
import type { HarnessOptions } from './test-harness.ts'

const page = (events: readonly unknown[] = [], cursor = 9) => ({ events, cursor, has_more: false })

async function asked(...argv: readonly string[]): Promise<unknown> {
  const harness = createHarness({ answer: () => page() })
  expect(await harness.run('events', ...argv)).toBe(0)
  return defaultless(harness.calls[0]?.input)
}

/** Without what the schema adds to every call. */
function defaultless(input: unknown): unknown {
  const added = new Map<string, unknown>([
    ['cursor', 0],
    ['limit', 200],
    ['wait_ms', 0],
    ['follow', false],
  ])
  return Object.fromEntries(Object.entries(input as object).filter(([name, value]) => added.get(name) !== value))
}

describe('where events begin', () => {
  test.each([
    [[], { tail: 200 }],
    [['-n', '30'], { limit: 30, tail: 30 }],
    [['--follow', '--wait-ms', '1'], { follow: true, wait_ms: 1, tail: 20 }],
    [['--tail', '0'], { tail: 0, limit: 1 }],
    [['--tail', '500'], { tail: 500, limit: 500 }],
    [['--tail', '5000'], { tail: 5000, limit: 1000 }],
    [['--tail', '9', '-n', '3'], { tail: 9, limit: 3 }],
  ])('%j: at the latest', async (argv, input) => {
    expect(await asked(...argv)).toEqual(input)
  })

  test.each([
    [['--cursor', '5'], { cursor: 5 }],
    [['--cursor', '0'], {}],
    [['--turn', turnId], { turn_id: turnId }],
    [['--session', 'last'], { session_id: 'last' }],
    [['-k', 'retrying', '-k', 'warning'], { kinds: ['retrying', 'warning'] }],
    [['--turn', turnId, '-f', '--wait-ms', '1'], { turn_id: turnId, follow: true, wait_ms: 1 }],
  ])('%j: where it was said, or at the beginning', async (argv, input) => {
    expect(await asked(...argv)).toEqual(input)
  })

  test('a kind that does not exist is refused with those that do', async () => {
    const harness = createHarness()
    expect(await harness.run('events', '--kind', 'retry')).toBe(2)
    expect(harness.stderr()).toContain('--kind')
    expect(harness.stderr()).toContain('retrying')
  })

  test('a wrong limit is said once', async () => {
    const harness = createHarness()
    expect(await harness.run('events', '-n', 'many')).toBe(2)
    expect(harness.stderr()).toMatch(/^tandem: --limit: must be a number\n/)
  })

  test('following goes on where a call without an event ended, and looks back only once', async () => {
    let round = 0
    const harness = createHarness({
      answer: () => {
        round += 1
        return round === 3 ? new Promise(() => undefined) : page([], 40 + round)
      },
    })
    const run = harness.run('events', '--follow')
    for (let i = 0; i < 3; i += 1) {
      await settle()
      harness.clock.advance(1000)
    }
    await settle()
    harness.interrupt()
    expect(await run).toBe(130)
    expect(harness.calls.map(({ input }) => input)).toMatchObject([
      { cursor: 0, tail: 20 },
      { cursor: 41 },
      { cursor: 42 },
    ])
    expect(harness.calls.slice(1).filter(({ input }) => 'tail' in (input as object))).toEqual([])
  })
})

describe('events on a terminal', () => {
  const other = { ...wireEvent(3, 'warning', { message: 'slow' }), turn_id: 'turn_other' }
  const events = [
    wireEvent(1, 'command.started', { item_id: 'a', command: 'ls\x1b[2J -l' }),
    wireEvent(2, 'message', { item_id: 'b', text: `a ${'long '.repeat(40)}answer` }),
    other,
  ]
  const shown = async (options: HarnessOptions, ...argv: readonly string[]) => {
    const harness = createHarness({
      environment: { TERM: 'dumb' },
      terminal: 'both',
      ...options,
      answer: () => page(events),
    })
    await harness.run('events', ...argv)
    return harness.stdout().trimEnd().split('\n')
  }

  test('one line each, aligned and cut; whose they are once, where it changes', async () => {
    expect(await shown({ columns: 80 })).toEqual([
      turnId,
      '     1  12:00:00Z  command.started    $ ls -l',
      '     2  12:00:00Z  message            a long long long long long long long long…',
      'turn_other',
      '     3  12:00:00Z  warning            slow',
    ])
  })

  test('of one turn without its id', async () => {
    expect((await shown({ columns: 80 }, '--turn', turnId)).filter(line => line.startsWith('turn_'))).toEqual([])
  })

  test('a wide terminal shows the day, a narrow one no kind', async () => {
    expect((await shown({ columns: 120 }))[1]).toContain('     1  2026-11-21T12:00:00Z  command.started    $ ls -l')
    expect((await shown({ columns: 40 }))[1]).toBe('     1  12:00:00Z  $ ls -l')
  })

  test('no line is wider than the terminal, whatever happened', () => {
    assert(
      property(
        string({ unit: 'binary', maxLength: 300 }),
        integer({ min: 40, max: 200 }),
        kinds,
        (text, columns, kind) => {
          const lines: string[] = []
          const paint = createPaint(false)
          const show = createEventLines({ ...outputOf(columns, lines), paint }, { isOneTurn: false })
          show(wireEvent(7, kind, { message: text, text, item_id: text, name: text, status: text }))
          expect(lines.filter(line => widthOf(line) > columns || /[\0-\x1f\x7f-\x9f]/.test(line))).toEqual([])
          expect(lines).toHaveLength(2)
        },
      ),
    )
  })
})

const kinds = constantFrom('warning', 'message', 'text', 'tool', 'later.kind.of.another.version', 'usage')

function outputOf(columns: number, lines: string[]): Parameters<typeof createEventLines>[0] {
  return {
    isTerminal: true,
    canRedraw: false,
    paint: createPaint(false),
    columns: () => columns,
    write: text => void lines.push(text),
    line: text => void lines.push(text),
    flush: () => Promise.resolve(),
    broken: new Promise(() => undefined),
    failure: () => null,
    [Symbol.dispose]: () => undefined,
  }
}
