import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { createNarrator } from './narrator.ts'
import { emptyReport, tellReport } from './report.ts'
import { createScreen, excerpt } from './screen.ts'
import { answerText } from './test-harness.ts'
import type { WireEvent } from '#contracts'
import type { Screen } from './screen.ts'

function openScreen(): { readonly screen: Screen; readonly text: () => string } {
  const out = new PassThrough()
  const screen = createScreen(out)
  return { screen, text: () => String(out.read() ?? '') }
}

const event = (kind: string, data: Readonly<Record<string, unknown>>): WireEvent => ({
  seq: 1,
  at: 1,
  kind,
  agent_id: 'a',
  turn_id: 't',
  session_id: null,
  data,
})

describe('the narrator', () => {
  test('tells what Claude asks, what Codex does and answers, and what Claude writes', () => {
    const { screen, text } = openScreen()
    const narrator = createNarrator(screen)
    narrator.claude({
      kind: 'calls',
      id: 'toolu_review-0',
      tool: 'mcp__tandem__codex',
      input: { PROMPT: 'Review.\nAll of it.' },
    })
    narrator.codex(event('command.started', { command: 'cat a' }))
    narrator.codex(event('command.ended', { command: 'cat a', exit_code: 1 }))
    narrator.codex(event('usage', {}))
    narrator.claude({ kind: 'got', id: 'toolu_review-0', text: answerText('review'), isError: false })
    const edit = {
      kind: 'calls',
      id: 'toolu_adjustment-edit_0',
      tool: 'Edit',
      input: { file_path: '/x/y/src/a.js' },
    } as const
    const edited = { kind: 'got', id: edit.id, text: 'ok', isError: false } as const
    for (const note of [edit, edited, edited]) narrator.claude(note)
    narrator.claude({ kind: 'got', id: 'toolu_adjustment-test', text: 'ℹ pass 7\nℹ fail 0', isError: false })
    narrator.claude({ kind: 'got', id: 'x', text: 'denied', isError: true })
    narrator.claude({ kind: 'result', text: 'All done.', isError: false })
    expect(
      text()
        .split('\n')
        .filter(line => !/^ {2}(- |SESSION_ID)/.test(line)),
    ).toEqual([
      '5. Review',
      '  Claude asks Codex: Review. [1 more lines]',
      '  Codex runs: cat a',
      '  It ended with 1.',
      "  Codex's verdict: fix first, 3 findings",
      '',
      '6. Adjustment',
      '  Claude has changed src/a.js',
      '  7 tests pass.',
      '  It failed: denied',
      '  Claude ends: All done.',
      '',
    ])
  })

  test('tells what became of a proposed diff, and of a failed turn', () => {
    const { screen, text } = openScreen()
    const narrator = createNarrator(screen)
    narrator.claude({ kind: 'got', id: 'a', text: answerText('prototype'), isError: false })
    const failed = answerText('analysis', { error: { code: 'CODEX_GONE', message: 'it is gone' } })
    narrator.claude({ kind: 'got', id: 'b', text: `CODEX_GONE: it is gone\n\n${failed}`, isError: true })
    const told = text()
    expect(told).toContain('Codex answers with a diff of a, b, c. git apply takes it: yes')
    expect(told).toContain('Codex failed: CODEX_GONE: it is gone')
  })
})

describe('the screen', () => {
  test('lets no text move the cursor', () => {
    const { screen, text } = openScreen()
    screen.line('a\u001b[2Jb\rc\u0007\nd')
    expect(text()).toBe('  a [2Jb c \n  d\n')
  })

  test('cuts long texts and says how much is left out', () => {
    expect(excerpt(`a\n\n${'b'.repeat(200)}\nc\nd`)).toBe(`a\n${'b'.repeat(129)}… [2 more lines]`)
    expect(excerpt('one')).toBe('one')
  })

  test('goes on when its reader has left', async () => {
    const out = new PassThrough()
    const screen = createScreen(out)
    out.destroy(new Error('EPIPE'))
    screen.line('nobody reads this')
    await expect(screen.flush()).resolves.toBeUndefined()
  })
})

describe('the report for a person', () => {
  const tell = (more: object): string => {
    const { screen, text } = openScreen()
    tellReport(screen, { ...emptyReport, ms: 1234, ...more })
    return text()
  }

  test('names each failure with its stage', () => {
    const stages = [{ name: 'review', ok: false, ms: 1, failures: ['no findings'] }]
    expect(tell({ stages, failures: ['too many sessions'] })).toBe(
      'Something did not hold:\n  - review: no findings\n  - too many sessions\n',
    )
  })

  test('shows an error with its cure', () => {
    expect(tell({ error: { code: 'X', kind: 'missing', message: 'it is not there', hint: 'install it' } })).toBe(
      'X: it is not there\n  install it\n',
    )
  })

  test('says that it held, and how long it took', () => {
    expect(tell({ ok: true, session_id: 's-1', requests: { claude: 13, codex: 12 } })).toContain(
      'All of it held, in 1.2 s.',
    )
  })
})
