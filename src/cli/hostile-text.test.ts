import { array, assert, asyncProperty, boolean, constantFrom, oneof, record, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '#kernel'
import { createHarness, startMs, turnAnswer, wireEvent } from './test-harness.ts'
import type { Harness } from './test-harness.ts'

/*
 * Nothing that came from outside reaches a terminal as anything but text: whatever the fuzz puts into log lines, tables, answers and
 * errors, what comes out has no control character but the line end, and no colour but our own.
 */
const hostile = array(
  oneof(
    constantFrom(
      '\x1b[2J',
      '\x1b]0;title\x07',
      '\x1b]52;c;cGFzdGU=\x1b\\',
      '\x9b31m',
      '\x1bP+q\x1b\\',
      '\x1b',
      '\x1b[',
    ),
    constantFrom('\r', '\b', '\x07', '\x7f', '\0', '\x85', '\u202e', '\u2066', '\u061c', '\u2028', '\ud800'),
    string({ unit: 'binary', maxLength: 6 }),
    constantFrom('text', ' ', '\n', '\t', 'é', '漢字', '🙂'),
  ),
  { maxLength: 12 },
).map(parts => parts.join(''))

const dangerous = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u202a-\u202e\u2066-\u2069]/
const ownColours = /\x1b\[\d{1,2}m/g

const runs = { numRuns: 300 }
const terminal = { terminal: 'both', columns: 100 } as const

/** All that was shown, without our own colours. */
const shown = (harness: Harness): string => `${harness.stdout()}${harness.stderr()}`.replace(ownColours, '')

describe('hostile text is only text on a terminal', () => {
  test('in the log: our own lines and what a dying program left, with --json, too', async () => {
    const line = oneof(
      hostile.map(text => text.replaceAll('\n', '')),
      record({ level: hostile, msg: hostile, key: hostile, value: hostile }).map(({ level, msg, key, value }) =>
        JSON.stringify({ level, time: '2026-11-21T00:00:00.000Z', msg, [key]: value, deep: { [value]: [key] } }),
      ),
    )
    await assert(
      asyncProperty(line, boolean(), async (text, isJson) => {
        const readLog = async ({ write }: { readonly write: (text: string) => void }): Promise<void> =>
          write(`${text}\n`)
        const harness = createHarness({ ...terminal, lifecycle: { readLog } })
        await harness.run('logs', ...(isJson ? ['--json'] : []))
        expect(shown(harness)).not.toMatch(dangerous)
      }),
      runs,
    )
  })

  test('in tables and pairs: turns, threads, health', async () => {
    await assert(
      asyncProperty(hostile, constantFrom('both', undefined), async (text, where) => {
        const summary = { ...aTurn, prompt: text, cd: text, turn_id: text, session_id: text }
        const thread = { ...aThread, title: text, cd: text }
        const answer = ({ verb }: { readonly verb: string }): unknown =>
          verb === 'turns' ? { turns: [summary] } : { threads: [thread] }
        const part = {
          part: text,
          state: 'down',
          since: 1,
          why: text,
          cure: text,
          looked_at: 1,
          details: { url: text },
        }
        const health = async () =>
          ({ ...aHealth, version: text, parts: [part, { ...part, state: 'healthy', why: null }] }) as never
        for (const command of ['turns', 'threads', 'health']) {
          const harness = createHarness({
            ...(where === undefined ? {} : { terminal: where }),
            columns: 200,
            answer,
            lifecycle: { health },
          })
          await harness.run(command)
          expect(shown(harness)).not.toMatch(dangerous)
        }
      }),
      runs,
    )
  })

  test('in errors, their hints and codes, as text and as JSON', async () => {
    await assert(
      asyncProperty(hostile, boolean(), async (text, isJson) => {
        const answer = (): never => {
          throw new AppError(text, 'denied', text, { hint: text, data: { text } })
        }
        const harness = createHarness({ ...terminal, answer })
        expect(await harness.run('threads', ...(isJson ? ['--json'] : []))).toBe(77)
        expect(shown(harness)).not.toMatch(dangerous)
      }),
      runs,
    )
  })

  test('in what a turn says and does, as it streams and at its end', async () => {
    await assert(
      asyncProperty(hostile, async text => {
        const events = [
          wireEvent(1, 'turn.accepted', { prompt: text, sandbox: 'read-only', cd: text }),
          wireEvent(2, 'text', { item_id: 'i', text }),
          wireEvent(3, 'command', { item_id: 'c', command: text, status: 'running' }),
          wireEvent(4, 'message', { item_id: 'i', text }),
        ]
        const harness = createHarness({
          ...terminal,
          answer({ options }) {
            for (const event of events) options.onEvent?.(event)
            const error = { code: text, kind: 'bug' as const, message: text, hint: text }
            return turnAnswer({ agent_messages: text, status: 'failed', success: false, error })
          },
        })
        await harness.run('ask', 'hello')
        // The status line is drawn over: carriage return and "erase the line" are our own there.
        expect(shown(harness).replaceAll(/\r|\x1b\[\d?K/g, '')).not.toMatch(dangerous)
      }),
      runs,
    )
  })
})

const aTurn = {
  turn_id: 'turn_1',
  agent_id: 'agent_1',
  session_id: null,
  status: 'completed',
  cd: '/repo',
  sandbox: 'read-only',
  prompt: 'hello',
  accepted_at: startMs,
  started_at: startMs,
  ended_at: startMs,
  attempts: 1,
  total_tokens: 1,
}

const aThread = {
  agent_id: 'agent_1',
  session_id: null,
  cd: '/repo',
  status: 'open',
  title: 'hello',
  turns: 1,
  created_at: startMs,
  last_active_at: startMs,
}

const aHealth = {
  state: 'degraded',
  at: startMs,
  pid: 1,
  log_level: 'info',
  idle_since: null,
  idle_shutdown_ms: 0,
}
