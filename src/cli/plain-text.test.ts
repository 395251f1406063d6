import { assert, constantFrom, nat, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutTo, jsonLine, plain, plainLine, widthOf } from './plain-text.ts'

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

  test('JSON keeps every value and is one line without control characters', () => {
    assert(
      property(hostile, text => {
        const line = jsonLine({ text })
        expect(JSON.parse(line)).toEqual({ text })
        expect(line).not.toMatch(/[\0-\x1f\x7f-\x9f\u2028-\u202e]/)
      }),
    )
  })

  test('a cut text fits, also with wide characters', () => {
    assert(
      property(string({ unit: constantFrom('a', '漢', '👍', 'é', '\u0301') }), nat(20), (text, columns) => {
        expect(widthOf(cutTo(text, columns))).toBeLessThanOrEqual(columns)
      }),
    )
    expect([cutTo('abcdef', 4), cutTo('漢字漢字', 5), cutTo('abc', 3), widthOf('e\u0301👍')]).toEqual([
      'abc…',
      '漢字…',
      'abc',
      3,
    ])
  })
})
