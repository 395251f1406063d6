import { describe, expect, test } from 'vitest'
import { notesOf } from './claude.ts'
import { emptyTranscript, withNote } from './transcript.ts'
import type { ClaudeNote } from './claude.ts'

const line = (value: unknown): readonly ClaudeNote[] => notesOf(JSON.stringify(value))
const message = (...content: unknown[]): object => ({ role: 'x', content })

describe('what Claude Code 2.1.329 prints as JSON lines', () => {
  test('gives what it says and calls, in order', () => {
    const content = message(
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: 'I ask.' },
      { type: 'tool_use', id: 'toolu_1', name: 'Write', input: { file_path: '/a' } },
    )
    expect(line({ type: 'assistant', message: content, session_id: 's' })).toEqual([
      { kind: 'says', text: 'I ask.' },
      { kind: 'calls', id: 'toolu_1', tool: 'Write', input: { file_path: '/a' } },
    ])
  })

  test('gives results of tools, as text or as parts, with their failure', () => {
    const results = message(
      { type: 'tool_result', tool_use_id: 'a', content: 'done' },
      {
        type: 'tool_result',
        tool_use_id: 'b',
        content: [{ type: 'text', text: 'no' }, { type: 'image' }],
        is_error: true,
      },
      { type: 'tool_result', tool_use_id: 'c' },
    )
    expect(line({ type: 'user', message: results })).toEqual([
      { kind: 'got', id: 'a', text: 'done', isError: false },
      { kind: 'got', id: 'b', text: 'no', isError: true },
      { kind: 'got', id: 'c', text: '', isError: false },
    ])
  })

  test('gives the end', () => {
    expect(line({ type: 'result', subtype: 'success', is_error: false, result: 'Done.' })).toEqual([
      { kind: 'result', text: 'Done.', isError: false },
    ])
    expect(line({ type: 'result', subtype: 'error_max_turns', is_error: true })).toEqual([
      { kind: 'result', text: '', isError: true },
    ])
  })

  test('gives nothing for other kinds, and for what is no JSON', () => {
    expect([
      line({ type: 'system', subtype: 'init' }),
      line({ type: 'new' }),
      line(7),
      notesOf('{'),
      notesOf(''),
    ]).toEqual([[], [], [], [], []])
  })
})

describe('the transcript', () => {
  test('joins calls and results, and knows the stage of a call by its id', () => {
    const notes: readonly ClaudeNote[] = [
      { kind: 'says', text: 'x' },
      { kind: 'calls', id: 'toolu_review-0', tool: 't', input: {} },
      { kind: 'calls', id: 'toolu_other', tool: 'u', input: { a: 1 } },
      { kind: 'got', id: 'toolu_review-0', text: 'fine', isError: false },
      { kind: 'result', text: 'end', isError: false },
    ]
    expect(notes.reduce((transcript, note, at) => withNote(transcript, note, at), emptyTranscript)).toEqual({
      uses: [
        {
          id: 'toolu_review-0',
          stage: 'review',
          tool: 't',
          input: {},
          startedAt: 1,
          end: { at: 3, text: 'fine', isError: false },
        },
        { id: 'toolu_other', stage: undefined, tool: 'u', input: { a: 1 }, startedAt: 2, end: undefined },
      ],
      result: { text: 'end', isError: false },
    })
  })
})
