import { array, assert, integer, property, record, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ThreadSummary, TurnSummary } from '#contracts'
import { widthOf } from './plain-text.ts'
import { createHarness, sessionId, startMs, turnId } from './test-harness.ts'

const turn: TurnSummary = {
  turn_id: turnId,
  agent_id: 'agent_1',
  session_id: sessionId,
  status: 'interrupted',
  cd: '/repo',
  sandbox: 'read-only',
  prompt: 'where is the login?',
  accepted_at: startMs - 180_000,
  started_at: startMs - 179_000,
  ended_at: startMs - 114_000,
  attempts: 1,
  total_tokens: 12_345,
  error_code: null,
}
const thread: ThreadSummary = {
  session_id: sessionId,
  agent_id: 'agent_1',
  cd: '/repo',
  status: 'idle',
  turns: 2,
  created_at: startMs,
  last_active_at: startMs,
  title: 'x',
}

async function linesOf(
  command: 'turns' | 'threads',
  rows: readonly object[],
  columns?: number,
): Promise<readonly string[]> {
  const terminal = columns === undefined ? {} : { terminal: 'both' as const, columns }
  const answer = () => ({ [command]: rows })
  const harness = createHarness({ environment: { TERM: 'dumb' }, ...terminal, answer })
  expect(await harness.run(command)).toBe(0)
  const text = harness.stdout()
  expect(text === '' || text.endsWith('\n')).toBe(true)
  return text.split('\n').slice(0, -1)
}

describe('a table', () => {
  test.each([
    [200, 'TURN STATUS WHEN TOOK TOKENS SESSION DIRECTORY PROMPT'],
    [130, 'TURN STATUS WHEN TOOK TOKENS PROMPT'],
    [90, 'TURN STATUS WHEN TOOK PROMPT'],
    [70, 'TURN STATUS WHEN PROMPT'],
    [60, 'TURN STATUS PROMPT'],
    [50, 'TURN STATUS'],
    [40, 'TURN'],
    [20, 'TURN'],
  ])('of turns on %i columns has %s', async (columns, titles) => {
    const [heading = ''] = await linesOf('turns', [turn], columns)
    expect(heading.split(/ +/).join(' ')).toBe(titles)
  })

  test.each([
    [110, 'SESSION STATUS TURNS ACTIVE DIRECTORY TITLE'],
    [66, 'SESSION STATUS ACTIVE TITLE'],
    [50, 'SESSION TITLE'],
  ])('of threads on %i columns has %s', async (columns, titles) => {
    const [heading = ''] = await linesOf('threads', [{ ...thread, title: 'a title of some length' }], columns)
    expect(heading.split(/ +/).join(' ')).toBe(titles)
  })

  test.each([0, 1, 500])('has a line for each of %i rows, and a heading on a terminal', async count => {
    const rows = Array.from({ length: count }, (_, at) => ({ ...turn, prompt: `prompt ${at} ${'漢'.repeat(400)}` }))
    expect(await linesOf('turns', rows, 80)).toHaveLength(count + 1)
    expect(await linesOf('turns', rows)).toHaveLength(count)
  })

  test('never wraps, never cuts an id, and stays aligned, whatever the texts', async () => {
    const text = string({ unit: 'binary', maxLength: 120 })
    const row = record({
      prompt: text,
      cd: text,
      total_tokens: integer({ min: 0 }),
      ended_at: integer({ min: startMs, max: 1e15 }),
    })
    const cases: { rows: readonly object[]; columns: number }[] = []
    assert(
      property(array(row, { maxLength: 8 }), integer({ min: turnId.length, max: 250 }), (rows, columns) => {
        cases.push({ rows: rows.map(one => ({ ...turn, ...one })), columns })
      }),
    )
    for (const { rows, columns } of cases) {
      const lines = await linesOf('turns', rows, columns)
      expect(lines).toHaveLength(rows.length + 1)
      expect(lines.filter(line => widthOf(line) > columns)).toEqual([])
      expect(lines.slice(1).filter(line => !line.startsWith(turnId))).toEqual([])
    }
  })

  test('piped it has every column of every row, however odd the texts', async () => {
    const cases: string[] = []
    assert(property(string({ unit: 'binary', maxLength: 200 }), text => void cases.push(text)))
    for (const prompt of cases) {
      const lines = await linesOf('turns', [{ ...turn, prompt, cd: prompt }])
      expect(lines.map(line => line.split('\t').length)).toEqual([8])
    }
  })
})

describe('colours', () => {
  const onTerminal = { terminal: 'both' } as const
  test.each([
    ['a terminal', onTerminal, { TERM: 'xterm' }, true],
    ['a terminal without a name', onTerminal, {}, true],
    ['a pipe', {}, { TERM: 'xterm' }, false],
    ['stdout piped, stderr a terminal', { terminal: 'stderr' }, { TERM: 'xterm' }, false],
    ['NO_COLOR', onTerminal, { TERM: 'xterm', NO_COLOR: '1' }, false],
    ['NO_COLOR=0: any value', onTerminal, { TERM: 'xterm', NO_COLOR: '0' }, false],
    ['NO_COLOR empty', onTerminal, { TERM: 'xterm', NO_COLOR: '' }, true],
    ['TERM=dumb', onTerminal, { TERM: 'dumb' }, false],
    ['FORCE_COLOR on a dumb terminal', onTerminal, { TERM: 'dumb', FORCE_COLOR: '1' }, true],
    ['FORCE_COLOR=0', {}, { FORCE_COLOR: '0' }, false],
    ['FORCE_COLOR empty', {}, { FORCE_COLOR: '' }, false],
    ['FORCE_COLOR=true in a pipe', {}, { FORCE_COLOR: 'true' }, true],
    ['FORCE_COLOR against NO_COLOR', onTerminal, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
  ] as const)('%s', async (_, options, environment, isColoured) => {
    const harness = createHarness({ ...options, environment, answer: () => ({ turns: [turn] }) })
    await harness.run('help')
    expect(harness.stdout().includes('\x1b[1m')).toBe(isColoured)
  })

  test('none in JSON, whatever is asked for', async () => {
    const harness = createHarness({
      terminal: 'both',
      environment: { FORCE_COLOR: '1' },
      answer: () => ({ turns: [{ ...turn, prompt: '\x1b[31mred' }] }),
    })
    await harness.run('turns', '--json')
    expect(harness.stdout()).not.toContain('\x1b')
    expect(JSON.parse(harness.stdout())).toMatchObject({ turns: [{ prompt: '\x1b[31mred' }] })
  })
})
