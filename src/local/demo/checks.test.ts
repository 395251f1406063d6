import { describe, expect, test } from 'vitest'
import { sessionOf, stageReports, wholeFailures } from './checks.ts'
import { answerText, goodEvidence, session } from './test-harness.ts'
import type { Evidence } from './checks.ts'
import type { CodexStage, StageName } from './scenario.ts'
import type { ToolUse } from './transcript.ts'

const good = goodEvidence()

/** Every failure, with the stage that it is of. */
function failuresOf(change: Partial<Evidence>): readonly string[] {
  const evidence = { ...good, ...change }
  const ofStages = stageReports(evidence).flatMap(stage => stage.failures.map(failure => `${stage.name}: ${failure}`))
  return [...ofStages, ...wholeFailures(evidence)]
}

function withUse(stage: StageName, change: (use: ToolUse) => Partial<ToolUse> | undefined): Partial<Evidence> {
  const uses = good.transcript.uses.flatMap(use => {
    if (use.stage !== stage) return [use]
    const changed = change(use)
    return changed === undefined ? [] : [{ ...use, ...changed }]
  })
  return { transcript: { ...good.transcript, uses } }
}

const withAnswer = (stage: CodexStage, more: object): Partial<Evidence> =>
  withUse(stage, () => ({ end: { at: 350, text: answerText(stage, more), isError: false } }))

describe('the checks of the demo', () => {
  test('find nothing wrong when everything held, and say what was seen', () => {
    expect(failuresOf({})).toEqual([])
    expect(sessionOf(good.transcript)).toBe(session)
    const reports = Object.fromEntries(stageReports(good).map(({ name, ...rest }) => [name, rest]))
    expect(reports['prototype']).toEqual({
      ok: true,
      ms: 250,
      failures: [],
      session_id: session,
      turn_id: 'turn_prototype',
      diff_files: 3,
      diff_applies: true,
    })
    expect(reports['review']).toMatchObject({ verdict: 'fix first', findings: 3 })
    expect(reports['adjustment']).toMatchObject({ files: ['src/tokens.js'], tests_passed: 7 })
  })

  test.each<[string, Partial<Evidence>, string]>([
    ['another session', withAnswer('review', { SESSION_ID: 'other' }), 'review: the session is another one: other'],
    [
      'a session started anew',
      withAnswer('discussion', { session_restarted: true }),
      'discussion: the session was started anew',
    ],
    [
      'a turn that failed',
      withAnswer('analysis', { success: false, status: 'failed', error: { code: 'X', message: 'why' } }),
      'analysis: the turn is failed: why',
    ],
    [
      'a read-only turn that wrote',
      withAnswer('prototype', { diff: 'diff --git' }),
      'prototype: a read-only turn changed files',
    ],
    [
      'a prototype without a diff',
      withAnswer('prototype', { proposed_diff: null }),
      'prototype: the prototype is not a diff of three files that applies',
    ],
    [
      'a review without findings',
      withAnswer('review', { output: { verdict: 'ready', findings: [] } }),
      'review: the review is not what Codex was to say',
    ],
    [
      'a final review that is not one',
      withAnswer('final_review', { output: 'fine' }),
      'final_review: the review is not what Codex was to say',
    ],
    ['no call at all', withUse('discussion', () => undefined), 'discussion: Codex gave no answer: it was not asked'],
    [
      'a tool that failed',
      withUse('implementation', use => ({ end: { at: 1, text: use.end?.text ?? '', isError: true } })),
      'implementation: Write failed: written',
    ],
    [
      'tests that fail',
      withUse('adjustment', use => ({
        end: { at: 1, text: use.tool === 'Bash' ? 'ℹ pass 6\nℹ fail 1' : '', isError: false },
      })),
      'adjustment: the tests that Claude ran did not pass',
    ],
    [
      'a turn that the store does not have',
      withAnswer('review', { turn_id: 'turn_x' }),
      'review: the store does not have the turn',
    ],
    ['no store', { store: undefined }, 'the daemon could not be asked what is in its store'],
    ['no files', { files: undefined }, 'the files could not be looked at'],
    ['a wrong file', { files: { wrong: ['src/app.js'], complaint: '' } }, 'src/app.js is not what Claude was to write'],
    [
      'files that node refuses',
      { files: { wrong: [], complaint: 'SyntaxError' } },
      'node does not accept the files: SyntaxError',
    ],
    ['no crash', { recovery: undefined }, 'nothing is known of the turn in which the daemon was killed'],
    ['no history', { history: undefined }, 'Codex has the prompt an unknown number of times in its history'],
    [
      'a Claude that did not end',
      { transcript: { ...good.transcript, result: undefined } },
      'Claude Code did not come to its end',
    ],
  ])('see %s', (_, change, failure) => {
    expect(failuresOf(change)).toContain(failure)
  })

  test('see a turn that ran twice', () => {
    const messages = [...(good.history?.messages ?? []), good.store?.turns.at(-1)?.prompt ?? '']
    expect(failuresOf({ history: { messages } })).toEqual(['Codex has the prompt 2 times in its history'])
  })

  test('see a daemon that is the old one, a turn that was given up, and one that is not that of Claude', () => {
    const recovery = good.recovery && {
      ...good.recovery,
      new_pid: 10,
      decision: 'failed',
      status: 'failed',
      turn_id: 'turn_review',
    }
    expect(failuresOf({ recovery })).toEqual([
      'the daemon is still the old one',
      'the turn was failed',
      'the turn ended as failed',
      'the turn is another one than that which Claude asked for',
    ])
  })

  test('see requests that are not those of the two real programs, or of another session', () => {
    const requests = good.requests.map(request => ({ ...request, headers: { 'user-agent': 'curl/8' } }))
    expect(failuresOf({ requests })).toEqual([
      'a request is not of this Codex',
      'a request of Codex is of another session',
      'a request is not of this Claude Code',
    ])
    expect(failuresOf({ requests: [] })).toEqual(['Codex sent 0 requests', 'Claude Code sent 0 requests'])
    const unmatched = good.requests.map(request => ({ ...request, outcome: 'unmatched' as const }))
    expect(failuresOf({ requests: unmatched })).toEqual(['a request was none of the story'])
  })

  test('see a second session, and further turns', () => {
    const { threads = [], turns = [] } = good.store ?? {}
    expect(failuresOf({ store: { threads: [...threads, ...threads], turns: [...turns, ...turns] } })).toEqual([
      'the store has 2 sessions',
      'the store has 12 turns',
    ])
  })
})
