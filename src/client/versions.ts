/** Below, at or above zero as version `a` is older than, the same as or newer than `b` (semver.org, 11). Nonsense is the oldest. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)]
  for (let i = 0; i < 3; i += 1) {
    const difference = (left.numbers[i] ?? 0) - (right.numbers[i] ?? 0)
    if (difference !== 0) return difference
  }
  return comparePreReleases(left.pre, right.pre)
}

interface Parts {
  readonly numbers: readonly number[]
  readonly pre: readonly string[]
}

function partsOf(version: string): Parts {
  const found = /^v?(\d+)\.(\d+)\.(\d+)(?:-([\w.-]+))?/.exec(version)
  if (found === null) return { numbers: [-1, 0, 0], pre: [] }
  return { numbers: [Number(found[1]), Number(found[2]), Number(found[3])], pre: found[4]?.split('.') ?? [] }
}

function comparePreReleases(left: readonly string[], right: readonly string[]): number {
  // 1.0.0 is newer than 1.0.0-rc.1.
  if (left.length === 0 || right.length === 0) return right.length - left.length
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = compareIdentifiers(left[i], right[i])
    if (difference !== 0) return difference
  }
  return 0
}

function compareIdentifiers(left: string | undefined, right: string | undefined): number {
  if (left === right) return 0
  if (left === undefined) return -1
  if (right === undefined) return 1
  const [leftIsNumber, rightIsNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)]
  if (leftIsNumber && rightIsNumber) return Number(left) - Number(right)
  if (leftIsNumber !== rightIsNumber) return leftIsNumber ? -1 : 1
  return left < right ? -1 : 1
}
