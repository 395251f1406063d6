import { sandboxes } from '#contracts'
import type { Policy, Sandbox } from '#contracts'
import { isWithin } from '../is-within.ts'
import type { PolicyGround, PolicyPlace } from './policy-places.ts'

/** A value of the policy and the line that sets it. */
export interface Ruled<T> {
  readonly value: T
  readonly rule: string
  /** The directory of the rule that sets it, as it is written; undefined for the general one. */
  readonly directory?: string
}

export interface Limits {
  readonly maxSandbox: Ruled<Sandbox>
  readonly network: Ruled<boolean>
}

/** Higher lets Codex do more. */
export const rankOf = (sandbox: Sandbox): number => sandboxes.indexOf(sandbox)

/** What holds in a directory, or in general: of each member the rule for the innermost directory that has it, else the general one. */
export function limitsIn(policy: Policy, ground: PolicyGround, cd: string | undefined): Limits {
  const around = ground.rules
    .filter(rule => cd !== undefined && isWithin(rule.real, cd))
    .sort((one, other) => other.real.length - one.real.length)
  const forSandbox = around.find(rule => rule.max_sandbox !== undefined)
  const forNetwork = around.find(rule => rule.network !== undefined)
  return {
    maxSandbox: ruled('max_sandbox', policy.max_sandbox, forSandbox?.max_sandbox, forSandbox),
    network: ruled('network', policy.network, forNetwork?.network, forNetwork),
  }
}

function ruled<T>(member: string, general: T, own: T | undefined, rule: PolicyPlace | undefined): Ruled<T> {
  if (own === undefined || rule === undefined) return { value: general, rule: `${member} = ${JSON.stringify(general)}` }
  const written = `rules: ${rule.written} ${member} = ${JSON.stringify(own)}`
  return { value: own, rule: written, directory: rule.written }
}

export type DirectoryVerdict =
  | { readonly kind: 'own' }
  | { readonly kind: 'allowed'; readonly by: string }
  /** `isAbove`: the entry is for a directory above. */
  | { readonly kind: 'denied'; readonly by: string; readonly isAbove: boolean }
  | { readonly kind: 'elsewhere' }

/** Whether turns of a caller may work in a directory. Denied wins over the caller's own; an inner entry over an outer one. */
export function judgeDirectory(ground: PolicyGround, cd: string, own: string | undefined): DirectoryVerdict {
  const allowed = innermost(ground.allow, cd)
  const denied = innermost(ground.deny, cd)
  if (denied !== undefined && denied.real.length >= (allowed?.real.length ?? 0))
    return { kind: 'denied', by: denied.written, isAbove: denied.real !== cd }
  if (own !== undefined && isWithin(own, cd)) return { kind: 'own' }
  return allowed === undefined ? { kind: 'elsewhere' } : { kind: 'allowed', by: allowed.written }
}

/** A directory below `cd` for which less is allowed: whoever may write in `cd` can write there, too. */
export function narrowerBelow(ground: PolicyGround, cd: string, asked: Sandbox): Ruled<Sandbox> | undefined {
  if (asked === 'read-only') return undefined
  const isBelow = (place: PolicyPlace): boolean => place.real !== cd && isWithin(cd, place.real)
  const denied = ground.deny.find(isBelow)
  if (denied !== undefined)
    return { value: 'read-only', rule: `directories.deny: ${denied.written}`, directory: denied.written }
  const rule = ground.rules.find(
    each => isBelow(each) && each.max_sandbox !== undefined && rankOf(each.max_sandbox) < rankOf(asked),
  )
  if (rule?.max_sandbox === undefined) return undefined
  const written = `rules: ${rule.written} max_sandbox = ${JSON.stringify(rule.max_sandbox)}`
  return { value: rule.max_sandbox, rule: written, directory: rule.written }
}

function innermost(places: readonly PolicyPlace[], cd: string): PolicyPlace | undefined {
  return places
    .filter(place => isWithin(place.real, cd))
    .reduce<PolicyPlace | undefined>(
      (best, place) => (place.real.length > (best?.real.length ?? -1) ? place : best),
      undefined,
    )
}
