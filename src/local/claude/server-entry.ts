import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { claudeFileUnreadable } from './errors.ts'
import { memberText, withMember, withoutMember } from './json-member.ts'
import type { Install } from './manifest.ts'

export type ServerRecord = Install['server']

export const isSameJson = (one: string | undefined | null, other: string | undefined | null): boolean =>
  typeof one === 'string' && typeof other === 'string' && isDeepStrictEqual(JSON.parse(one), JSON.parse(other))

export const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex')

export interface WantedServer {
  readonly file: string
  readonly path: readonly string[]
  /** JSON text. */
  readonly value: string
}

/** The file with our server, and how to take it out again. `prior` is the record of what we wrote there before. */
export function withServer(
  text: string | undefined,
  wanted: WantedServer,
  prior: ServerRecord | undefined,
): { readonly text: string; readonly record: ServerRecord } {
  const { path, value } = wanted
  const isUntouched = prior !== undefined && text !== undefined && prior.undo?.sha256_after === sha256(text)
  // From where it all began, so that the way back leads there, too.
  const base = isUntouched ? undone(text, prior) : text
  const start = base ?? '{}\n'
  const there = memberText(start, path)
  const after = withValue(start, wanted, there)
  // Somebody has changed the file since: what is ours in it is still ours, but there is no way back byte for byte.
  if (!isUntouched && prior !== undefined && isSameJson(there, prior.value))
    return { text: after, record: { ...prior, ...wanted, path: [...path], undo: null } }
  const parents = path.slice(0, -1).map((_, at) => path.slice(0, at + 1))
  const record: ServerRecord = {
    ...wanted,
    path: [...path],
    value,
    before: there ?? null,
    existed: base !== undefined,
    made: parents.filter(parent => memberText(start, parent) === undefined).length,
    undo: undoOf(base ?? '', after),
  }
  return { text: after, record }
}

function withValue(text: string, { file, path, value }: WantedServer, there: string | undefined): string {
  const after = isSameJson(there, value) ? text : withMember(text, path, value)
  if (after === undefined)
    throw claudeFileUnreadable(file, `${path.slice(0, -1).join('.')} is not an object`, undefined)
  return after
}

export type Removal =
  | { readonly kind: 'removed' | 'restored'; readonly text: string | undefined }
  | { readonly kind: 'gone' | 'changed' }

/** The file without our server: as it was, where nobody has changed it since; otherwise without this one member. */
export function withoutServer(text: string | undefined, record: ServerRecord): Removal {
  if (text === undefined) return { kind: 'gone' }
  const kind = record.before === null ? 'removed' : 'restored'
  if (record.undo?.sha256_after === sha256(text))
    return { kind, text: record.existed ? undone(text, record) : undefined }
  const there = memberText(text, record.path)
  if (there === undefined) return { kind: 'gone' }
  if (!isSameJson(there, record.value)) return { kind: 'changed' }
  return { kind, text: withoutOurs(text, record) }
}

function withoutOurs(text: string, { path, before, made, existed }: ServerRecord): string | undefined {
  if (before !== null) return withMember(text, path, before) ?? text
  let left = withoutMember(text, path)
  for (let up = 1; up <= made; up += 1) {
    const parent = path.slice(0, -up)
    if (parent.length === 0 || !isEmptyObject(memberText(left, parent))) break
    left = withoutMember(left, parent)
  }
  return isEmptyObject(left) && !existed ? undefined : left
}

const isEmptyObject = (text = ''): boolean => /^\s*\{\s*\}\s*$/.test(text)

function undone(text: string, { undo, existed }: ServerRecord): string | undefined {
  if (undo === null || !existed) return existed ? text : undefined
  return text.slice(0, undo.at) + undo.removed + text.slice(undo.at + undo.inserted)
}

/** The one place in which the two texts differ. */
function undoOf(before: string, after: string): NonNullable<ServerRecord['undo']> {
  let at = 0
  while (at < before.length && before[at] === after[at]) at += 1
  let tail = 0
  const most = Math.min(before.length, after.length) - at
  while (tail < most && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1
  return {
    at,
    removed: before.slice(at, before.length - tail),
    inserted: after.length - tail - at,
    sha256_after: sha256(after),
  }
}
