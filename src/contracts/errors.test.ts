import { expect, test } from 'vitest'
import { z } from 'zod'
import { helloParamsSchema, inputInvalid, plainFrameSchema, verbs } from './index.ts'

function refusal(what: string, schema: z.ZodType, input: unknown) {
  const { error } = schema.safeParse(input)
  if (error === undefined) throw new Error('the input was taken')
  return inputInvalid(what, error)
}

const ask = { prompt: 'x', cd: '/p' }

test.each([
  [{}, 'prompt: is missing; cd: is missing'],
  [{ ...ask, prompt: ' ' }, 'prompt: the prompt is empty'],
  [{ ...ask, cd: '' }, 'cd: must not be empty'],
  [{ ...ask, cd: 7 }, 'cd: must be text'],
  [{ ...ask, sandbox: 'none' }, 'sandbox: must be one of read-only, workspace-write, danger-full-access'],
  [{ ...ask, output_schema: [1] }, 'output_schema: must be a JSON object'],
  [{ ...ask, image: 'a.png' }, 'image: must be a list'],
  [{ ...ask, image: ['a.png', 7] }, 'image.1: must be text'],
  [{ ...ask, image: Array.from({ length: 21 }, () => 'a') }, 'image: must have at most 20 entries'],
  [{ ...ask, yolo: 'yes' }, 'yolo: must be true or false'],
  [{ ...ask, wait_ms: -1 }, 'wait_ms: must be at least 0'],
  [{ ...ask, wait_ms: 1e12 }, 'wait_ms: must be at most 86400000'],
  [{ ...ask, wait_ms: 1.5 }, 'wait_ms: must be a whole number'],
  [{ ...ask, session_id: 's'.repeat(201) }, 'session_id: must have at most 200 characters'],
  [{ ...ask, model: '-x' }, 'model: not a model name'],
  [{ ...ask, speed: 1 }, 'unknown member speed'],
  [{ ...ask, speed: 1, force: 2 }, 'unknown members speed, force'],
  ['text', 'ask: must be a JSON object'],
])('%j is refused in plain words', (input, message) => {
  expect(refusal('ask', verbs.ask.input, input).message).toBe(message)
})

test('a setting says every value that it takes', () => {
  expect(refusal('settings', verbs.settings.input, { effort: 'zz' }).message).toBe(
    'effort: must be one of none, minimal, low, medium, high, xhigh, max, ultra, default',
  )
})

test('either of a union is told, and what is inside of a member is named with it', () => {
  const schema = z.strictObject({
    id: z.union([z.int(), z.string()]),
    mode: z.union([z.enum(['a', 'b']), z.literal('c')]),
    inner: z.strictObject({ name: z.string().regex(/^a/) }),
  })
  expect(refusal('thing', schema, { id: true, mode: 'd', inner: { name: 'b', more: 1 } }).message).toBe(
    [
      'id: must be a number, or must be text',
      'mode: must be one of a, b, c',
      'inner.name: does not have the right form',
      'inner: unknown member more',
    ].join('; '),
  )
})

test('the members are data, too, an unknown one by its own name', () => {
  expect(refusal('ask', verbs.ask.input, { ...ask, cd: 7, speed: 1 }).data).toEqual({ fields: ['cd', 'speed'] })
})

test('the hint names a command only where there is one', () => {
  expect(refusal('ask', verbs.ask.input, {}).hint).toBe('see `tandem help ask` for what it takes')
  const others = [
    refusal('shutdown', verbs.shutdown.input, { reason: 'x' }),
    refusal('hello', helloParamsSchema, {}),
    refusal('command', plainFrameSchema, {}),
  ]
  expect(others.filter(({ hint }) => hint === undefined || hint.includes('tandem help'))).toEqual([])
})
