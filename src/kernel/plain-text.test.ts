import { assert, constantFrom, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plain, plainLine } from '#kernel'

/** Characters that terminals act on, mixed with ordinary ones. */
const hostile = string({
  unit: constantFrom(
    'a',
    '漢',
    '\n',
    '\t',
    '\r',
    '\x1b',
    '[',
    ']',
    ';',
    '3',
    'm',
    '\x07',
    '\x9b',
    '\x9d',
    '\0',
    '\x7f',
    '\u202e',
  ),
  maxLength: 40,
})

describe('text from outside', () => {
  test('no control character but line end and tab is left, whatever comes', () => {
    assert(
      property(hostile, text => {
        expect(plain(text)).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/)
        expect(plainLine(text)).not.toMatch(/[\0-\x1f\x7f-\x9f]/)
      }),
    )
  })

  test('ordinary text stays as it is', () => {
    const text = 'Grüße, 漢字 👍🏽\n\tif (a[0] < b) { c }'
    expect(plain(text)).toBe(text)
  })

  test.each([
    ['\x1b[1;31mred\x1b[0m', 'red'],
    ['\x1b]8;;http://x\x1b\\link\x1b]8;;\x07', 'link'],
    ['\x1b]52;c;AAAA\x07paste', 'paste'],
    ['\x1bPdcs\x1b\\x', 'x'],
    ['one\r\ntwo\rthree', 'one\ntwo\nthree'],
    ['\x1b]0;never ended\nnext line', '\nnext line'],
    ['\x1bc\x1b(Bx', 'x'],
  ])('%j becomes %j', (text, expected) => {
    expect(plain(text)).toBe(expected)
  })
})
