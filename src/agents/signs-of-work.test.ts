import { describe, expect, it } from 'vitest'
import type { CodexEvent, CodexItem } from '#codex'
import { createWorkWatch } from './signs-of-work.ts'

const onTurn = { threadId: 't', codexTurnId: 'c' }
const tokens = { totalTokens: 1, inputTokens: 1, cachedInputTokens: 0, outputTokens: 0, reasoningOutputTokens: 0 }
const usage: CodexEvent = {
  kind: 'token-usage',
  usage: { total: tokens, last: tokens, contextWindow: null },
  ...onTurn,
}
const started = (item: CodexItem): CodexEvent => ({ kind: 'item-started', item, ...onTurn })
const completed = (item: CodexItem): CodexEvent => ({ kind: 'item-completed', item, ...onTurn })
const prompt: CodexItem = { kind: 'user-message', id: 'u', clientId: null, text: 'p' }
const message: CodexItem = { kind: 'agent-message', id: 'm', text: 'said', phase: null }
const tool: CodexItem = { kind: 'tool', id: 'x', name: 'server.tool', status: '' }
const delta: CodexEvent = { kind: 'text-delta', itemId: 'm', delta: 'sa', ...onTurn }
const limits: CodexEvent = { kind: 'rate-limits', limits: {}, threadId: null, codexTurnId: null }
const unread: CodexEvent = { kind: 'other', method: 'thread/status/changed', isMalformed: false, ...onTurn }

/** The places of the events at which Codex may be using a tool. */
function signsIn(events: readonly CodexEvent[]): readonly number[] {
  const isWork = createWorkWatch()
  return events.flatMap((event, index) => (isWork(event) ? [index] : []))
}

describe('the signs of work in a turn', () => {
  it('are none in one that only talks', () => {
    const talk = [
      started(prompt),
      completed(prompt),
      unread,
      started(message),
      delta,
      completed(message),
      usage,
      limits,
    ]
    expect(signsIn(talk)).toEqual([])
  })

  it('are there as soon as a tool is begun, also of a kind that is not known', () => {
    expect(signsIn([completed(prompt), started(tool), started({ kind: 'other', id: 'n', type: 'newTool' })])).toEqual([
      1, 2,
    ])
  })

  it('are there when a call of the model ended without a message: a denied command leaves no item', () => {
    expect(signsIn([completed(prompt), usage])).toEqual([1])
  })

  it('are there when the model was called again after a message', () => {
    expect(signsIn([started(message), completed(message), usage, started(message), usage])).toEqual([4])
  })

  it('are there when Codex asks us for something', () => {
    expect(signsIn([{ kind: 'server-request', method: 'm', reason: 'declined', ...onTurn }])).toEqual([0])
  })
})
