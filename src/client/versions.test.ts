import { describe, expect, it } from 'vitest'
import { compareVersions } from './versions.ts'

const rising = [
  'nonsense',
  '0.0.1',
  '0.1.0',
  '0.9.9',
  '0.10.0',
  '1.0.0-1',
  '1.0.0-alpha',
  '1.0.0-alpha.1',
  '1.0.0-alpha.beta',
  '1.0.0-rc.2',
  '1.0.0-rc.10',
  '1.0.0',
  '1.0.1',
  '2.0.0',
]

describe('compareVersions', () => {
  it('orders versions as semver does, both ways', () => {
    const order = (versions: readonly string[]): string[] => Array.from(versions).sort(compareVersions)
    expect(order(rising)).toEqual(rising)
    expect(order(Array.from(rising).reverse())).toEqual(rising)
  })

  it('takes what only looks different for the same', () => {
    expect(compareVersions('1.2.3', 'v1.2.3+build.5')).toBe(0)
  })
})
