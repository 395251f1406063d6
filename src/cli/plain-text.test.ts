import { assert, constantFrom, nat, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutTo, jsonLine, widthOf } from './plain-text.ts'

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

describe('text for a terminal', () => {
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
