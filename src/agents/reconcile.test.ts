import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asTurnId } from '#kernel'
import type { Attempt } from '#store'
import { isInHistory, nextAttempt } from './attempts.ts'
import { continuationPrompt, decide } from './reconcile.ts'
import type { HistoryTurn, OpenTurn } from './reconcile.ts'

const attempt = (own: Partial<Attempt> = {}): Attempt => ({
  number: 1,
  clientMessageId: 'turn_1',
  why: 'start',
  codexTurnId: 'codex_1',
  startedAt: 1,
  ...own,
})
const open = (own: Partial<OpenTurn> = {}): OpenTurn => ({
  attempts: [attempt()],
  onCut: 'continue',
  cancelledBy: null,
  didSomething: false,
  maxContinuations: 2,
  wasPaused: false,
  ...own,
})
const entry = (own: Partial<HistoryTurn> = {}): HistoryTurn => ({
  codexTurnId: 'codex_1',
  status: 'interrupted',
  clientMessageIds: ['turn_1'],
  isAnswered: false,
  ...own,
})
const continued = (count: number): readonly Attempt[] => [
  attempt(),
  ...Array.from({ length: count }, (_, index) =>
    attempt({ number: index + 2, clientMessageId: `turn_1.${index + 2}`, why: 'continue', codexTurnId: null }),
  ),
]

describe('what becomes of a turn whose Codex is gone', () => {
  it.each<[string, OpenTurn, readonly HistoryTurn[] | undefined, string]>([
    ['never sent', open({ attempts: [] }), undefined, 'rerun: it had not been sent to Codex'],
    [
      'never sent, cancelled',
      open({ attempts: [], cancelledBy: 'ann' }),
      undefined,
      'interrupt: it had been cancelled by ann',
    ],
    ['finished', open(), [entry({ status: 'completed' })], "adopt: Codex's history has it as completed"],
    ['failed', open(), [entry({ status: 'failed' })], "adopt: Codex's history has it as failed"],
    [
      'finished although cancelled',
      open({ cancelledBy: 'ann' }),
      [entry({ status: 'completed' })],
      "adopt: Codex's history has it as completed",
    ],
    ['cut', open(), [entry()], "continue: Codex's history has it as cut"],
    ['still running there', open(), [entry({ status: 'running' })], "continue: Codex's history has it as cut"],
    ['cut after its answer', open(), [entry({ isAnswered: true })], "adopt: Codex's history has its final answer"],
    ['cut and cancelled', open({ cancelledBy: 'ann' }), [entry()], 'interrupt: it had been cancelled by ann'],
    [
      'cut, known by its message only',
      open({ attempts: [attempt({ codexTurnId: null })] }),
      [entry()],
      "continue: Codex's history has it as cut",
    ],
    [
      'there without its message: it never reached the model',
      open(),
      [entry({ clientMessageIds: [] })],
      "rerun: it is not in Codex's history",
    ],
    [
      'cut, no continuation wanted',
      open({ onCut: 'fail' }),
      [entry()],
      "fail: Codex's history has it as cut, and its caller wants no continuation",
    ],
    [
      'not seen',
      open(),
      [entry({ codexTurnId: 'other', clientMessageIds: ['turn_0'] })],
      "rerun: it is not in Codex's history",
    ],
    ['not seen, no continuation wanted', open({ onCut: 'fail' }), [], "rerun: it is not in Codex's history"],
    ['session lost', open(), undefined, 'rerun: Codex has lost the session'],
    [
      'session lost after it did something',
      open({ didSomething: true }),
      undefined,
      "continue: it had begun, but is not in Codex's history",
    ],
    [
      'not seen, but it did something',
      open({ didSomething: true }),
      [],
      "continue: it had begun, but is not in Codex's history",
    ],
    [
      'its message is in another entry than its turn id',
      open(),
      [entry({ codexTurnId: 'other' }), entry({ clientMessageIds: [] })],
      "continue: Codex's history has it as cut",
    ],
    [
      'cut too often',
      open({ attempts: continued(2) }),
      [entry({ clientMessageIds: ['turn_1.3'] })],
      "fail: Codex's history has it as cut, after 2 continuations",
    ],
    [
      'a continuation that was not seen',
      open({ attempts: continued(2) }),
      [entry()],
      "rerun: it is not in Codex's history",
    ],
  ])('%s', (_, turn, history, expected) => {
    const decision = decide(turn, history)
    expect(`${decision.kind}: ${decision.reason}`).toBe(expected)
  })

  it('is never a rerun when the history has the message', () => {
    const statuses = fc.constantFrom<HistoryTurn['status']>('completed', 'failed', 'interrupted', 'running')
    const ids = fc.constantFrom<string>('turn_1', 'turn_1.2', 'turn_1.3', 'other')
    const entries = fc.array(
      fc.record({
        codexTurnId: fc.constantFrom('codex_1', 'codex_2'),
        status: statuses,
        clientMessageIds: fc.array(ids),
        isAnswered: fc.boolean(),
      }),
    )
    const turns = fc.record({
      attempts: fc.nat(3).map(count => (count === 0 ? [] : continued(count - 1))),
      onCut: fc.constantFrom<OpenTurn['onCut']>('continue', 'fail'),
      cancelledBy: fc.option(fc.constant('ann')),
      didSomething: fc.boolean(),
      maxContinuations: fc.nat(3),
      wasPaused: fc.boolean(),
    })
    fc.assert(
      fc.property(turns, entries, (turn, history) => {
        const decision = decide(turn, history)
        const last = turn.attempts.at(-1)
        const isKnown = last !== undefined && history.some(each => each.clientMessageIds.includes(last.clientMessageId))
        const mayRerun = !isKnown && turn.cancelledBy === null && (last === undefined || !turn.didSomething)
        expect(decision.kind === 'rerun' && !mayRerun).toBe(false)
        expect(turn.cancelledBy !== null && !['interrupt', 'adopt'].includes(decision.kind)).toBe(false)
        expect(decide(turn, history)).toEqual(decision)
      }),
    )
  })
})

describe('the next attempt', () => {
  const turn = { id: asTurnId('turn_1'), attempts: [attempt()] }

  it('has a message id of its own when it goes on, and the same when Codex never saw it', () => {
    expect(nextAttempt({ ...turn, attempts: [] }, { kind: 'start' }, 7)).toEqual(
      attempt({ codexTurnId: null, startedAt: 7 }),
    )
    expect(nextAttempt(turn, { kind: 'continue', reason: '' }, 7)).toEqual(
      attempt({ number: 2, clientMessageId: 'turn_1.2', why: 'continue', codexTurnId: null, startedAt: 7 }),
    )
    expect(nextAttempt(turn, { kind: 'rerun', reason: '' }, 7)).toEqual(
      attempt({ why: 'rerun', codexTurnId: null, startedAt: 7 }),
    )
    expect(nextAttempt({ ...turn, attempts: continued(1) }, { kind: 'rerun', reason: '' }, 7)).toMatchObject({
      number: 2,
      clientMessageId: 'turn_1.2',
      why: 'continue',
    })
  })

  it('repeats the task only for a thread that does not have it', () => {
    expect(isInHistory([entry()], turn)).toBe(true)
    expect(isInHistory([entry({ clientMessageIds: ['turn_1.2'] })], turn)).toBe(false)
    expect(isInHistory(undefined, turn)).toBe(false)
    expect(continuationPrompt(undefined)).not.toContain('The task was')
    expect(continuationPrompt('tidy up')).toContain('The task was:\n\ntidy up')
  })
})
