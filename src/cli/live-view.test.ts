import { describe, expect, test } from 'vitest'
import type { WireEvent } from '#contracts'
import { createHarness, sessionId, settle, turnAnswer, turnId, wireEvent } from './test-harness.ts'
import type { HarnessOptions } from './test-harness.ts'
import { answer, hanging, playing, story, usage } from './test-turns.ts'

describe('the live view', () => {
  test('shows what happens on stderr, streams the message to stdout and does not repeat it', async () => {
    const harness = createHarness({ terminal: 'both', columns: 100, answer: playing(story, answer) })
    expect(await harness.run('ask', 'x')).toBe(0)
    expect(harness.stdout()).toBe('The login is\nchecked in auth.ts.\n')
    expect(withoutStatus(harness.stderr())).toEqual([
      `· ${turnId} in /repo (read-only): where is the login?`,
      '· thinking: Look for login first',
      '· $ rg login (exit 0, 300ms)',
      '· retrying: HTTP 429',
      '· after an interruption: continued, because the app-server ended',
      '· started (continue, attempt 2)',
      '· $ npm test (exit 1, 2s)',
      '    a',
      '    b',
      '· files: auth.ts (update)',
      '· 1 file changed: auth.ts',
      '· the proposed diff does not apply: x.ts (line 3)',
      `· 12s · 12,345 tokens · ${turnId} · session ${sessionId}`,
    ])
  })

  test('with stdout piped the answer stands on stdout once and not in the progress', async () => {
    const harness = createHarness({ terminal: 'stderr', answer: playing(story, answer) })
    await harness.run('ask', 'x')
    expect(harness.stdout()).toBe('The login is\nchecked in auth.ts.\n')
    expect(harness.stderr()).not.toContain('checked in')
    expect(harness.stderr()).toContain('running: rg login')
  })

  test('a terminal that does not know its width is taken for a usual one; the id is whole on a narrow one', async () => {
    for (const columns of [0, 20]) {
      const harness = createHarness({ terminal: 'both', columns, answer: playing(story, answer) })
      await harness.run('ask', 'x')
      expect(withoutStatus(harness.stderr())[0]).toBe(
        columns === 0 ? `· ${turnId} in /repo (read-only): where is the login?` : `· ${turnId}`,
      )
    }
  })

  test('with stderr redirected everything is on stdout', async () => {
    const harness = createHarness({ terminal: 'stdout', answer: playing(story, answer) })
    await harness.run('ask', 'x')
    expect(harness.stderr()).toBe('')
    expect(withoutStatus(harness.stdout())).toContain('checked in auth.ts.')
  })

  test('the status line tells time, doing and tokens, moves each second, and is gone at the end', async () => {
    const harness = hanging({ terminal: 'both', columns: 60, environment: { TERM: 'xterm', NO_COLOR: '1' } })
    const run = harness.run('ask', 'x')
    await settle()
    const options = harness.calls[0]?.options
    options?.onEvent?.(wireEvent(3, 'usage', usage))
    options?.onEvent?.(wireEvent(2, 'command.started', { item_id: 'c', command: `echo ${'wide 漢字 '.repeat(20)}` }))
    harness.clock.advance(61_000)
    const lines = harness.stderr().split('\r\x1b[2K')
    expect(lines).toContain('0ms · queued · 12,345 tokens')
    expect(lines.at(-1)).toBe('1m 01s · running: echo wide 漢字 wide 漢字 wide 漢字 wide …')
    harness.interrupt()
    await settle()
    harness.clock.advance(2000)
    await run
    expect(harness.stderr().split('\r\x1b[2K').at(-1)).toMatch(/^tandem: left/)
    const shown = harness.stderr()
    harness.clock.advance(10_000)
    options?.onEvent?.(wireEvent(9, 'warning', { message: 'too late' }))
    expect(harness.stderr()).toBe(shown)
  })

  test('colours on a terminal; none with NO_COLOR or TERM=dumb, and no redrawing on the latter', async () => {
    const shown = async (environment: HarnessOptions['environment']): Promise<string> => {
      const harness = createHarness({
        terminal: 'both',
        answer: playing(story, answer),
        ...(environment && { environment }),
      })
      await harness.run('ask', 'x')
      return harness.stderr()
    }
    const marks = (text: string): unknown => [text.includes('\x1b[33m'), text.includes('\x1b[2K')]
    expect(marks(await shown({ TERM: 'xterm' }))).toEqual([true, true])
    expect(marks(await shown({ TERM: 'xterm', NO_COLOR: '1' }))).toEqual([false, true])
    expect(marks(await shown({ TERM: 'dumb' }))).toEqual([false, false])
    expect(marks(await shown({ TERM: 'dumb', FORCE_COLOR: '1' }))).toEqual([true, false])
  })

  test('hostile text from the model, commands and files reaches no terminal', async () => {
    const evil = 'a\x1b]0;title\x07b\x1b[2Jc\x9b31md\x00e\x7ff\u202eg\rh'
    const harness = createHarness({
      terminal: 'both',
      columns: 400,
      environment: { TERM: 'dumb' },
      answer: playing(
        [
          wireEvent(1, 'turn.accepted', { prompt: evil, sandbox: 'read-only', cd: evil }),
          wireEvent(2, 'command.ended', { item_id: 'c', command: evil, exit_code: 1, duration_ms: null, output: evil }),
          wireEvent(3, 'files.changed', { item_id: 'f', files: [{ path: evil, change: evil }] }),
          wireEvent(4, 'text', { item_id: 'm', text: 'one \x1b[3' }),
          wireEvent(5, 'text', { item_id: 'm', text: '1mred' }),
          wireEvent(6, 'message', { item_id: 'm', text: 'one \x1b[31mred' }),
          wireEvent(7, `kind${evil}`, { evil }),
        ],
        turnAnswer({ agent_messages: evil, diff: `diff --git a/${evil} b/${evil}\n`, session_id: evil }),
      ),
    })
    await harness.run('ask', 'x')
    expect(harness.stdout() + harness.stderr()).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202e]/)
    expect(harness.stdout()).toBe('one red\nabcdefg\nh\n')
  })

  test('messages that come without pieces, of another item, or other than their pieces are shown whole', async () => {
    const text = (seq: number, id: string, piece: string): WireEvent =>
      wireEvent(seq, 'text', { item_id: id, text: piece })
    const message = (seq: number, id: string, whole: string): WireEvent =>
      wireEvent(seq, 'message', { item_id: id, text: whole })
    const events = [
      message(1, 'a', 'first'),
      text(2, 'b', 'sec'),
      message(3, 'b', 'second'),
      text(4, 'c', 'lost'),
      text(5, 'd', 'begun'),
      message(6, 'd', 'other'),
    ]
    const harness = createHarness({
      terminal: 'both',
      answer: playing(events, turnAnswer({ agent_messages: 'other' })),
    })
    await harness.run('ask', 'x')
    expect(harness.stdout()).toBe('first\nsecond\nlost\nbegun\nother\n')
  })
})

/** The lines that stay on a terminal: what was drawn over is gone, and so are colours. */
function withoutStatus(text: string): readonly string[] {
  const lasting = text
    .split('\n')
    .map(line => line.slice(line.lastIndexOf('\r\x1b[2K') + 1).replace(/^\x1b\[2K/, ''))
    .map(line => line.replace(/\x1b\[\d+m/g, ''))
  return lasting.filter(line => line !== '')
}
