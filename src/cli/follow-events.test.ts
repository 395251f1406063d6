import { describe, expect, test } from 'vitest'
import { acceptedEvent, createHarness, settle, turnId, wireEvent } from './test-harness.ts'

describe('events', () => {
  const retry = wireEvent(8, 'retrying', { message: 'HTTP 429\x07\nslow down' })

  test('piped: a line each, tab-separated; a last word when there are more', async () => {
    const harness = createHarness({ answer: () => ({ events: [acceptedEvent, retry], cursor: 8, has_more: true }) })
    expect(await harness.run('events')).toBe(0)
    expect(harness.stdout()).toBe(
      [
        `1\t2026-11-21T12:00:00Z\tturn.accepted\t${turnId}\taccepted: where is the login?\n`,
        `8\t2026-11-21T12:00:00Z\tretrying\t${turnId}\tretrying: HTTP 429 slow down\n`,
      ].join(''),
    )
    expect(harness.stderr()).toBe('tandem: there are more; read on with `tandem events --cursor 8`\n')
  })

  const pieces = [
    wireEvent(1, 'text', { item_id: 'm1', text: 'all ' }),
    wireEvent(2, 'text', { item_id: 'm1', text: 'good' }),
    wireEvent(3, 'message', { item_id: 'm1', text: 'all good' }),
    wireEvent(4, 'text', { item_id: 'm2', text: 'and n' }),
  ]

  test.each([
    [[], [3, 4]],
    [['--json'], [1, 2, 3, 4]],
    [
      ['--follow', '--wait-ms', '1'],
      [1, 2, 3, 4],
    ],
  ])('a message that is whole is not listed in pieces, too, except for programs and live: %j', async (flags, seqs) => {
    const harness = createHarness({ answer: () => ({ events: pieces, cursor: 4, has_more: false }) })
    expect(await harness.run('events', ...flags)).toBe(0)
    expect(
      [...harness.stdout().matchAll(/^(?:\{"type":"event","seq":)?(\d+)/gm)].map(([, seq]) => Number(seq)),
    ).toEqual(seqs)
  })

  test('as many are shown as were asked for, whatever is not shown', async () => {
    // Three messages, each after three pieces, then five events of another kind.
    const messages = [1, 5, 9].flatMap(first => [
      ...[0, 1, 2].map(more => wireEvent(first + more, 'text', { item_id: `i${first}`, text: '.' })),
      wireEvent(first + 3, 'message', { item_id: `i${first}`, text: '...' }),
    ])
    const all = [...messages, ...[13, 14, 15, 16, 17].map(seq => wireEvent(seq, 'warning', { message: 'slow' }))]
    const answer = ({ input }: { readonly input: unknown }) => {
      const { tail, limit, cursor } = input as {
        readonly tail?: number
        readonly limit: number
        readonly cursor: number
      }
      const after = tail === undefined ? all.filter(({ seq }) => seq > cursor) : all.slice(-tail)
      const events = after.slice(0, limit)
      return { events, cursor: events.at(-1)?.seq ?? cursor, has_more: events.length < after.length }
    }
    const seqsOf = async (...flags: readonly string[]) => {
      const harness = createHarness({ answer })
      expect(await harness.run('events', ...flags)).toBe(0)
      return [[...harness.stdout().matchAll(/^\d+/gm)].map(Number), harness.stderr(), harness.calls.length]
    }
    expect(await seqsOf('-n', '7')).toEqual([[8, 12, 13, 14, 15, 16, 17], '', 2])
    expect(await seqsOf('-n', '50')).toEqual([[4, 8, 12, 13, 14, 15, 16, 17], '', 1])
    const more = 'tandem: there are more; read on with `tandem events --cursor 13`\n'
    expect(await seqsOf('-n', '4', '--cursor', '0')).toEqual([[4, 8, 12, 13], more, 3])
    expect(await seqsOf('-n', '9', '--cursor', '4')).toEqual([[8, 12, 13, 14, 15, 16, 17], '', 2])
  })

  test.each([
    [{ primary: null, secondary: null, credits: null }, 'not known'],
    [
      {
        primary: { usedPercent: 12.4, windowDurationMins: 300, resetsAt: 1_795_269_600 },
        secondary: { usedPercent: 3 },
      },
      '12% of 5h 00m used, until 2026-11-21T14:00:00Z; 3% used',
    ],
    [{ limitId: 'codex', planType: null }, 'not known'],
    [{ tokens: { left: 7, of: null }, plan: 'pro', left: [1] }, 'tokens.left 7, plan pro, left [1]'],
  ])('rate limits are told in short: %j', async (limits, text) => {
    const event = wireEvent(1, 'rate.limits', limits)
    const harness = createHarness({ answer: () => ({ events: [event], cursor: 1, has_more: false }) })
    await harness.run('events')
    expect(harness.stdout().trimEnd().split('\t').at(-1)).toBe(`rate limits: ${text}`)
  })

  test('--json ends with the cursor', async () => {
    const harness = createHarness({ answer: () => ({ events: [retry], cursor: 8, has_more: false }) })
    await harness.run('events', '--json')
    expect(
      harness
        .stdout()
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as unknown),
    ).toEqual([
      { type: 'event', ...retry },
      { type: 'cursor', cursor: 8, has_more: false },
    ])
  })

  test('--follow prints each event once, goes on after a long call has ended, and leaves at Ctrl-C', async () => {
    let round = 0
    const harness = createHarness({
      answer: ({ options }) => {
        round += 1
        if (round === 3) return new Promise(() => undefined)
        options.onEvent?.(wireEvent(round, 'warning', { message: `w${round}` }))
        return { events: [wireEvent(round, 'warning', { message: `w${round}` })], cursor: round, has_more: false }
      },
    })
    const run = harness.run('events', '--follow')
    await settle()
    harness.clock.advance(1000)
    await settle()
    harness.clock.advance(1000)
    await settle()
    harness.interrupt()
    expect(await run).toBe(130)
    expect(harness.stdout().match(/w\d/g)).toEqual(['w1', 'w2'])
    expect(harness.calls.map(({ input }) => (input as { cursor: number }).cursor)).toEqual([0, 1, 2])
    expect(harness.calls[2]?.options.signal?.aborted).toBe(true)
  })

  test('an event of another version is shown as it came', async () => {
    const harness = createHarness({
      answer: () => ({
        events: [wireEvent(1, 'later.kind', { x: 1 }), wireEvent(2, 'usage', {})],
        cursor: 2,
        has_more: false,
      }),
    })
    await harness.run('events')
    expect(harness.stdout()).toContain('later.kind {"x":1}')
    expect(harness.stdout()).toContain('usage {}')
  })
})
