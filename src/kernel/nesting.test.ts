import { anything, assert, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isNestedDeeper } from './nesting.ts'

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

describe('nesting', () => {
  it('is counted exactly', () => {
    expect([10, 11].map(depth => isNestedDeeper(nested(depth), 10))).toEqual([false, true])
    expect(isNestedDeeper(`{"a":${nested(10)}}`, 10)).toBe(true)
    expect(isNestedDeeper(`[${'[],'.repeat(50)}[]]`, 2)).toBe(false)
  })

  it('is not what stands in strings', () => {
    for (const text of ['[[[[[[', '\\"[[[[[[', '\\\\', '"[[[[[['])
      expect(isNestedDeeper(JSON.stringify([text, text]), 1)).toBe(false)
    expect(isNestedDeeper('["\\\\",[[[]]]]', 3)).toBe(true)
  })

  it('agrees with the tree of any value', () => {
    const depthOf = (value: unknown): number =>
      typeof value !== 'object' || value === null ? 0 : 1 + Math.max(0, ...Object.values(value).map(depthOf))
    assert(
      property(anything({ maxDepth: 6 }), value => {
        const text = JSON.stringify([value])
        const depth = depthOf(JSON.parse(text))
        expect([isNestedDeeper(text, depth), isNestedDeeper(text, depth - 1)]).toEqual([false, true])
      }),
    )
  })
})
