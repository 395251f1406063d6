import { execFileSync } from 'node:child_process'
import { assert, constantFrom, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainLine, shellQuote, shellWord } from '#kernel'

/** What a shell makes of it. */
const readBy = (shell: string, word: string): string =>
  execFileSync(shell, ['-c', `printf %s ${word}`], { encoding: 'utf8' })

const texts = ['', 'a b', "it's", '$HOME', '`id`', '-n; rm *', '\\', '"', 'ü漢🙂']
const notPlain = [
  'new\nline',
  'tab\tand  two spaces',
  '\x1b[31mred',
  "\x1b]0;it's\x07!1",
  '\x9b31m\x7f\r',
  'un\u202eusual\u00a0\\\u2028',
  'ends\n',
  '\x017',
]

describe('shellQuote', () => {
  it('leaves a plain path as it is', () => {
    expect(shellQuote('/srv/state/tandem-1_2@x:y%z+')).toBe('/srv/state/tandem-1_2@x:y%z+')
  })

  it.each(texts)('makes %j one word that every shell reads back as it was', text => {
    expect(readBy('/bin/sh', shellQuote(text))).toBe(text)
  })

  it.each(notPlain)('writes %j so that nothing of it is lost on the way to a terminal', text => {
    const word = shellQuote(text)
    expect(word).toMatch(/^\$'/)
    expect(plainLine(word)).toBe(word)
    expect(readBy('bash', word)).toBe(text)
  })

  it('whatever it is', () => {
    const unit = constantFrom(
      'a',
      '7',
      ' ',
      "'",
      '\\',
      '$',
      '\n',
      '\t',
      '\x1b',
      '[',
      'm',
      ']',
      '\x9d',
      '\x07',
      '\u202e',
      '漢',
    )
    assert(
      property(string({ unit, maxLength: 20 }), text => {
        const word = shellQuote(text)
        expect(plainLine(word)).toBe(word)
        expect(readBy('bash', word)).toBe(text)
      }),
    )
  })
})

describe('shellWord', () => {
  it.each([...texts, ...notPlain])('makes %j one word of the plainest shell', text => {
    expect(readBy('/bin/sh', shellWord(text))).toBe(text)
  })
})
