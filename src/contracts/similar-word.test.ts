import { expect, test } from 'vitest'
import { similarWord } from './similar-word.ts'

const known = ['max_running', 'max_queued', 'log', 'path']

test.each([
  ['max_runing', 'max_running'],
  ['max_rnuning', 'max_running'],
  ['maxrunning', 'max_running'],
  ['MAX_queued', undefined],
  ['max_queud', 'max_queued'],
  ['paht', 'path'],
  ['logg', 'log'],
  ['lgo', 'log'],
  ['at', undefined],
  ['x', undefined],
  ['', undefined],
])('%j is probably %j', (word, meant) => {
  expect(similarWord(word, known)).toBe(meant)
})
