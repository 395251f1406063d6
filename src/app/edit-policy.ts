import { isDeepStrictEqual } from 'node:util'
import { policyNotEditable } from './errors.ts'
import { parsePolicy } from './read-policy.ts'
import type { PolicyGrant } from '#cli'
import type { Policy } from '#contracts'

export interface PolicyEdit {
  readonly text: string
  /** What is different now, a line each; empty: all of it was allowed before. */
  readonly changes: readonly string[]
}

/**
 * The text of a policy file with a grant in it. Line by line, so that comments stay; when the result does not say exactly what it
 * should (a layout that we do not expect) nothing is changed and a person is told what to write.
 */
export function editPolicy(file: string, text: string, grant: PolicyGrant): PolicyEdit {
  const before = parsePolicy(file, text)
  const wanted = withGrant(before, grant)
  const lines = changesBetween(before, wanted)
  if (lines.length === 0) return { text, changes: [] }
  const edited = applyGrant(blocksOf(text), grant, before)
    .flatMap(block => block)
    .join('\n')
  if (!says(file, edited, wanted)) throw policyNotEditable(file, lines)
  return { text: `${edited.trimEnd()}\n`, changes: lines }
}

export const emptyPolicyText =
  '# What Codex may be asked for by way of Tandem. See `tandem policy show` and docs/policy.md.\n'

function withGrant(policy: Policy, grant: PolicyGrant): Policy {
  const added = grant.directories.filter(each => !policy.directories.allow.includes(each))
  const widened = {
    ...policy,
    directories: { ...policy.directories, allow: [...[...added].reverse(), ...policy.directories.allow] },
  }
  const limits = limitsOf(grant)
  if (grant.directories.length === 0) return { ...widened, ...limits }
  if (Object.keys(limits).length === 0) return widened
  const known = policy.rules.map(rule => (grant.directories.includes(rule.directory) ? { ...rule, ...limits } : rule))
  const isNew = (directory: string): boolean => policy.rules.every(rule => rule.directory !== directory)
  const fresh = grant.directories.filter(isNew).map(directory => ({ directory, ...limits }))
  return { ...widened, rules: [...known, ...fresh] }
}

const limitsOf = ({ sandbox, network }: PolicyGrant): Partial<Pick<Policy, 'max_sandbox' | 'network'>> => ({
  ...(sandbox === undefined ? {} : { max_sandbox: sandbox }),
  ...(network === undefined ? {} : { network }),
})

function changesBetween(before: Policy, after: Policy): readonly string[] {
  const allow = after.directories.allow.filter(each => !before.directories.allow.includes(each))
  const rules = after.rules.filter(rule => !before.rules.some(other => isDeepStrictEqual(other, rule)))
  return [
    ...(before.max_sandbox === after.max_sandbox ? [] : [`max_sandbox = ${JSON.stringify(after.max_sandbox)}`]),
    ...(before.network === after.network ? [] : [`network = ${after.network}`]),
    ...allow.map(each => `[directories] allow: ${JSON.stringify(each)}`),
    ...rules.map(
      ({ directory, ...limits }) => `[[rules]] directory = ${JSON.stringify(directory)}, ${memberText(limits)}`,
    ),
  ]
}

const memberText = (members: object): string =>
  Object.entries(members)
    .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
    .join(', ')

/** Lines up to the next header; the first block has none. */
type Block = readonly string[]

function blocksOf(text: string): readonly Block[] {
  const blocks: string[][] = [[]]
  for (const line of text.trimEnd().split('\n')) {
    if (/^\s*\[/.test(line)) blocks.push([])
    blocks.at(-1)?.push(line)
  }
  return blocks
}

function applyGrant(blocks: readonly Block[], grant: PolicyGrant, before: Policy): readonly Block[] {
  const limits = Object.entries(limitsOf(grant))
  if (grant.directories.length === 0) {
    const [general = [], ...others] = blocks
    return [limits.reduce((block, [name, value]) => setMember(block, name, value), general), ...others]
  }
  return grant.directories.reduce<readonly Block[]>((all, directory) => {
    const listed = before.directories.allow.includes(directory) ? all : withAllowed(all, directory)
    return limits.length === 0 ? listed : withRule(listed, directory, limits)
  }, blocks)
}

function withAllowed(blocks: readonly Block[], directory: string): readonly Block[] {
  const entry = JSON.stringify(directory)
  const at = blocks.findIndex(([header]) => isHeader(header, '[directories]'))
  if (at === -1) return [...blocks, ['', '[directories]', `allow = [${entry}]`]]
  return blocks.map((block, index) => {
    if (index !== at) return block
    const [header = '', ...rest] = block
    if (!rest.some(line => allowList.test(line))) return [header, `allow = [${entry}]`, ...rest]
    // A list may end with a comma, so the new entry goes before all others.
    return [header, ...rest.map(line => line.replace(allowList, start => `${start}${entry}, `))]
  })
}

function withRule(
  blocks: readonly Block[],
  directory: string,
  limits: readonly (readonly [string, unknown])[],
): readonly Block[] {
  const isRule = ([header, ...rest]: Block): boolean =>
    isHeader(header, '[[rules]]') &&
    rest.some(line => line.trim().startsWith(`directory = ${JSON.stringify(directory)}`))
  const set = (block: Block): Block => limits.reduce((made, [name, value]) => setMember(made, name, value), block)
  if (blocks.some(isRule)) return blocks.map(block => (isRule(block) ? set(block) : block))
  return [...blocks, ['', ...set(['[[rules]]', `directory = ${JSON.stringify(directory)}`])]]
}

/** In place of the line that sets it; else as the last line that is not empty. */
function setMember(block: Block, name: string, value: unknown): Block {
  const line = `${name} = ${JSON.stringify(value)}`
  const setting = new RegExp(String.raw`^\s*${name}\s*=\s*(?:"[^"]*"|'[^']*'|true|false)`)
  if (block.some(each => setting.test(each))) return block.map(each => each.replace(setting, () => line))
  const end = block.findLastIndex(each => each.trim() !== '') + 1
  return [...block.slice(0, end), line, ...block.slice(end)]
}

const isHeader = (line: string | undefined, header: string): boolean => line?.trim().startsWith(header) === true

const allowList = /^\s*allow\s*=\s*\[/

function says(file: string, text: string, wanted: Policy): boolean {
  try {
    return isDeepStrictEqual(parsePolicy(file, text), wanted)
  } catch {
    // The edit made something of it that is no policy.
    return false
  }
}
