import { describe, expect, it } from 'vitest'
import { createSaidSoFar } from './turn-said.ts'

const usage = {
  input_tokens: 10,
  cached_input_tokens: 4,
  output_tokens: 2,
  reasoning_output_tokens: 1,
  total_tokens: 12,
  model_context_window: null,
}
const message = (text: string) => ({ kind: 'message', data: { item_id: 'm', text } })
const part = (itemId: string, text: string) => ({ kind: 'text', data: { item_id: itemId, text } })
const used = (data: object = {}) => ({ kind: 'usage', data: { ...usage, ...data } })
type Note = Parameters<ReturnType<typeof createSaidSoFar>['hear']>[0]

function saidOf(notes: readonly Note[], isCompleted = true) {
  const said = createSaidSoFar()
  for (const note of notes) said.hear(note)
  return said.say({ isCompleted })
}

describe('what a turn came to', () => {
  it('is its last message, and the sum of what its calls of the model used', () => {
    const said = saidOf([
      part('a', 'fir'),
      message('first'),
      used(),
      message('last'),
      used({ model_context_window: 9 }),
    ])
    expect(said).toEqual({
      text: 'last',
      usage: {
        input_tokens: 20,
        cached_input_tokens: 8,
        output_tokens: 4,
        reasoning_output_tokens: 2,
        total_tokens: 24,
        model_context_window: 9,
      },
      didWork: true,
    })
  })

  it('is nothing as long as nothing was said', () => {
    expect(saidOf([])).toEqual({ text: '', usage: null, didWork: false })
  })

  it('of one that was cut is what had been written of the message that was begun last', () => {
    const cut = [message('done'), part('a', 'so '), part('b', 'an'), part('a', 'far'), part('b', 'other')]
    expect(saidOf(cut, false).text).toBe('another')
    expect(saidOf(cut).text).toBe('done')
    expect(saidOf(cut.slice(1)).text).toBe('another')
    expect(saidOf([part('a', 'so far'), message('done')], false).text).toBe('done')
  })

  it.each(['command.started', 'command.ended', 'files.changed', 'tool', 'turn.reconciled'])(
    'has work in it after %s',
    kind => {
      expect(saidOf([message('m'), used(), { kind, data: {} }]).didWork).toBe(true)
    },
  )

  it('has no work in it when the model was called once and said something', () => {
    expect(saidOf([{ kind: 'reasoning', data: { text: 'r' } }, message('m'), used()]).didWork).toBe(false)
  })
})
