/*
 * One member of a JSON text is set or removed, and every other byte stays: people's own files are not formatted anew. The text must be one
 * that JSON.parse takes, with an object at its top.
 */

/** Where a member stands: from its key to the end of its value. */
interface Span {
  readonly key: string
  readonly start: number
  readonly valueStart: number
  readonly end: number
}

/** An object in the text: from its brace to behind the closing one. */
interface ObjectSpan {
  readonly start: number
  readonly end: number
  readonly members: readonly Span[]
}

/** The text of the member's value; undefined when it, or an object on the way, is not there. */
export function memberText(text: string, path: readonly string[]): string | undefined {
  const found = find(text, path)
  return found.kind === 'found' ? text.slice(found.span.valueStart, found.span.end) : undefined
}

/** With the member, made with the objects on the way. `value` is JSON text. Undefined when something on the way is no object. */
export function withMember(text: string, path: readonly string[], value: string): string | undefined {
  const found = find(text, path)
  if (found.kind === 'blocked') return undefined
  if (found.kind === 'found') return spliced(text, found.span.valueStart, found.span.end, value)
  const { object, depth } = found
  const missing = path.slice(depth)
  const unit = indentOf(text)
  const nested = missing
    .slice(1)
    .reduceRight((inner, key, at) => objectText(key, inner, unit, depth + 1 + at), indented(value, unit, path.length))
  const member = `${JSON.stringify(missing[0])}: ${nested}`
  const last = object.members.at(-1)
  const inside = unit === '' ? '' : `\n${unit.repeat(depth + 1)}`
  if (last !== undefined) return spliced(text, last.end, last.end, `,${inside === '' ? ' ' : inside}${member}`)
  const outside = unit === '' ? '' : `\n${unit.repeat(depth)}`
  return spliced(text, object.start + 1, object.end - 1, `${inside}${member}${outside}`)
}

/** Without the member, and without the commas and blanks that only it needed. The same text when it is not there. */
export function withoutMember(text: string, path: readonly string[]): string {
  const found = find(text, path)
  if (found.kind !== 'found') return text
  const { object, span } = found
  const at = object.members.indexOf(span)
  const [before, after] = [object.members[at - 1], object.members[at + 1]]
  if (before !== undefined) return spliced(text, before.end, span.end, '')
  if (after !== undefined) return spliced(text, span.start, after.start, '')
  return spliced(text, object.start + 1, object.end - 1, '')
}

type Found =
  | { readonly kind: 'found'; readonly object: ObjectSpan; readonly span: Span }
  /** `object` is the last one on the way that is there, `depth` how many keys led to it. */
  | { readonly kind: 'missing'; readonly object: ObjectSpan; readonly depth: number }
  | { readonly kind: 'blocked' }

function find(text: string, path: readonly string[]): Found {
  let object = readObject(text, skipBlank(text, 0))
  for (const [depth, key] of path.entries()) {
    if (object === undefined) return { kind: 'blocked' }
    // Of a key that stands there twice the last counts, as for JSON.parse.
    const span = object.members.findLast(member => member.key === key)
    if (span === undefined) return { kind: 'missing', object, depth }
    if (depth === path.length - 1) return { kind: 'found', object, span }
    object = readObject(text, span.valueStart)
  }
  return { kind: 'blocked' }
}

function readObject(text: string, start: number): ObjectSpan | undefined {
  if (text[start] !== '{') return undefined
  const members: Span[] = []
  let at = skipBlank(text, start + 1)
  while (text[at] === '"') {
    const keyEnd = endOfString(text, at)
    const valueStart = skipBlank(text, skipBlank(text, keyEnd) + 1)
    const end = endOfValue(text, valueStart)
    members.push({ key: String(JSON.parse(text.slice(at, keyEnd))), start: at, valueStart, end })
    at = skipBlank(text, end)
    if (text[at] === ',') at = skipBlank(text, at + 1)
  }
  return { start, end: at + 1, members }
}

function endOfValue(text: string, start: number): number {
  const first = text[start] ?? ''
  if (first === '"') return endOfString(text, start)
  if (!'{['.includes(first)) return start + (/^[^,\]}\s]+/.exec(text.slice(start, start + 400))?.[0].length ?? 0)
  let depth = 0
  for (let at = start; at < text.length; at += 1) {
    const char = text[at] ?? ''
    if (char === '"') at = endOfString(text, at) - 1
    else if ('{['.includes(char)) depth += 1
    else if ('}]'.includes(char)) depth -= 1
    if (depth === 0) return at + 1
  }
  return text.length
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1
    else if (text[at] === '"') return at + 1
  }
  return text.length
}

function skipBlank(text: string, start: number): number {
  let at = start
  while (' \t\r\n'.includes(text[at] ?? 'x')) at += 1
  return at
}

/** What the first member is indented by; nothing for a text on one line. */
function indentOf(text: string): string {
  const found = /^\s*\{(?:\r?\n([ \t]*)")?/.exec(text)
  if (found?.[1] !== undefined) return found[1]
  return /^\s*\{\s*\}\s*$/.test(text) ? '  ' : ''
}

function indented(value: string, unit: string, depth: number): string {
  if (unit === '') return value
  return JSON.stringify(JSON.parse(value), null, unit).replaceAll('\n', `\n${unit.repeat(depth)}`)
}

function objectText(key: string, inner: string, unit: string, depth: number): string {
  if (unit === '') return `{${JSON.stringify(key)}: ${inner}}`
  return `{\n${unit.repeat(depth + 1)}${JSON.stringify(key)}: ${inner}\n${unit.repeat(depth)}}`
}

const spliced = (text: string, from: number, to: number, between: string): string =>
  text.slice(0, from) + between + text.slice(to)
