import { expect, test } from 'vitest'
import { codexFailure } from './codex-failure.ts'

const failure = (message: string, code: string | null) =>
  codexFailure({ message, code, httpStatus: null, details: null })

test.each(['other', null])('a key that the daemon lacks is said with its cure (%s)', code => {
  const message = 'Missing environment variable: `OWN_KEY`. Create one at example.com.'
  expect(failure(message, code)).toMatchObject({
    code: 'PROVIDER_KEY_MISSING',
    kind: 'missing',
    message,
    hint: expect.stringContaining('export OWN_KEY=…; tandem restart'),
    data: { name: 'OWN_KEY' },
  })
})

test('what only speaks of a missing variable is not taken for it', () => {
  expect(failure('the tool said: Missing environment variable: `X`', 'other').code).toBe('CODEX_TURN_FAILED')
})
