import {
  array,
  constantFrom,
  double,
  integer,
  jsonValue,
  nat,
  oneof,
  record,
  sample,
  string,
  uint8Array,
} from 'fast-check'

/* Frames that are nearly right: valid ones with something changed, dropped, nested, cut or turned into noise. */

type Json = unknown
type Step = (value: Json) => Json

const nested = (depth: number): Json => {
  let value: Json = 1
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

const odd = oneof(
  jsonValue(),
  double(),
  integer(),
  string({ unit: 'binary', maxLength: 40 }),
  constantFrom<Json>(
    null,
    true,
    '',
    {},
    [],
    -1,
    0,
    1e308,
    Number.MAX_SAFE_INTEGER + 2,
    '__proto__',
    'constructor',
    nested(200),
    '\u0000',
    '\ud800',
    'x'.repeat(5000),
  ),
)

// Seldom the whole of it: what is refused at once tests little.
const change = record({
  at: integer({ min: 0, max: 60 }),
  kind: constantFrom('replace', 'remove', 'add', 'wrap', 'keep'),
  value: odd,
  name: string({ maxLength: 12 }),
})

const ofText = record({
  kind: constantFrom('cut', 'double', 'insert', ...Array.from({ length: 20 }, () => 'none')),
  at: nat(400),
  bytes: uint8Array({ maxLength: 12 }),
})

/** So many lines without their newlines, the same for the same seed. Now and then one is very deep. */
export function mutatedLines(templates: readonly Json[], count: number, seed: number): readonly Buffer[] {
  const cases = sample(
    record({ template: nat(templates.length - 1), changes: array(change, { maxLength: 3 }), text: ofText }),
    { numRuns: count, seed },
  )
  return cases.map(({ template, changes, text }, index) => {
    const changed = changes.reduce<Json>(
      (value, one) => changeAt(value, one.at, stepOf(one)),
      structuredClone(templates[template]),
    )
    const deep = index % 200 === 199 ? changeAt(structuredClone(templates[template]), index, () => deepMark) : changed
    return textChange(lineOf(numbered(deep, index)), text)
  })
}

/** A valid one must not be refused because another call has its number. */
function numbered(value: Json, index: number): Json {
  const isCall = typeof value === 'object' && value !== null && 'id' in value && value.id === 1
  return isCall ? { ...value, id: index + 10 } : value
}

/** JSON.stringify calls itself and cannot write what is very deep; so that is put into the text. */
function lineOf(value: Json): Buffer {
  const depth = 20_000
  const text = JSON.stringify(value) ?? 'null'
  return Buffer.from(text.replaceAll(`"${deepMark}"`, `${'['.repeat(depth)}${']'.repeat(depth)}`))
}

const deepMark = 'as deep as it gets'

function stepOf({ kind, value, name }: { readonly kind: string; readonly value: Json; readonly name: string }): Step {
  return old => {
    if (kind === 'replace') return value
    if (kind === 'wrap') return [old]
    if (kind === 'add' && typeof old === 'object' && old !== null && !Array.isArray(old))
      return { ...old, [name]: value }
    return kind === 'remove' ? undefined : old
  }
}

/** Changes the value number `at` of the tree, counted in depth. */
function changeAt(tree: Json, at: number, step: Step): Json {
  const size = sizeOf(tree)
  let left = at === 0 || size === 1 ? 0 : 1 + (at % (size - 1))
  function visit(value: Json): Json {
    if (left === 0) {
      left -= 1
      return step(value)
    }
    left -= 1
    if (Array.isArray(value)) return value.map(visit)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, visit(inner)]))
  }
  return visit(tree)
}

function sizeOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 1
  return 1 + Object.values(value).reduce<number>((sum, inner) => sum + sizeOf(inner), 0)
}

function textChange(
  line: Buffer,
  { kind, at, bytes }: { readonly kind: string; readonly at: number; readonly bytes: Uint8Array },
): Buffer {
  const place = at % (line.length + 1)
  const [before, after] = [line.subarray(0, place), line.subarray(place)]
  const clean = Buffer.from(bytes.filter(byte => byte !== 10))
  if (kind === 'cut') return before
  if (kind === 'double') return Buffer.concat([line, line])
  return kind === 'insert' ? Buffer.concat([before, clean, after]) : line
}
