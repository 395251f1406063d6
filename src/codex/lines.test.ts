import { array, assert, nat, property, string } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createLineReader } from './lines.ts'

describe('lines', () => {
  test('come out as they went in, however the bytes are cut', () => {
    const lines = array(string({ unit: 'grapheme' }).map(text => `x${text.replaceAll(/[\r\n]/g, '')}`))
    assert(
      property(lines, array(nat(40)), (all, cuts) => {
        const bytes = Buffer.from(all.map(line => `${line}\n`).join(''))
        const seen: string[] = []
        const reader = createLineReader({
          maxBytes: 10_000,
          onLine: line => seen.push(line),
          onTooLong: () => undefined,
        })
        let at = 0
        for (const cut of cuts) reader.push(bytes.subarray(at, (at += cut)))
        reader.push(bytes.subarray(at))
        expect(seen).toEqual(all)
      }),
    )
  })

  test('a longer one than allowed ends the reading, whole or in parts', () => {
    for (const parts of [['abc\n123456\nzzz\n'], ['abc\n123', '456', '7\nzzz\n']]) {
      const seen: (string | number)[] = []
      const reader = createLineReader({
        maxBytes: 5,
        onLine: line => seen.push(line),
        onTooLong: size => seen.push(size),
      })
      for (const part of parts) reader.push(Buffer.from(part))
      expect(seen).toEqual(['abc', 6])
    }
  })
})
