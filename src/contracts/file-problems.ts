import { z } from 'zod'
import { problemOf } from './problems.ts'
import { similarWord } from './similar-word.ts'

/** What a file's members do wrong, in plain words; for one that is unknown the one that was probably meant. */
export function fileProblems({ issues }: z.ZodError, schema: z.ZodType): string {
  return issues
    .slice(0, 10)
    .map(issue => {
      const path = issue.path.map(String)
      const problem = problemOf(issue, path.join('.') || 'the file')
      if (issue.code !== 'unrecognized_keys') return problem
      const whole = z.toJSONSchema(schema, { io: 'input' })
      const meant = issue.keys.flatMap(key => meantBy(key, path, whole))
      return meant.length === 0 ? problem : `${problem} (did you mean ${meant.join(', ')}?)`
    })
    .join('; ')
}

/** Of the same table, else one of that very name in another table. */
function meantBy(key: string, path: readonly string[], whole: unknown): readonly string[] {
  const known = Object.entries(propertiesOf(path.reduce(stepInto, whole)))
  const similar = similarWord(
    key,
    known.map(([name]) => name),
  )
  if (similar !== undefined) return [similar]
  const elsewhere = Object.entries(propertiesOf(whole)).find(([, table]) => Object.hasOwn(propertiesOf(table), key))
  return elsewhere === undefined ? [] : [`${key} under [${elsewhere[0]}]`]
}

/** A member of a table, or an entry of a list. */
function stepInto(schema: unknown, step: string): unknown {
  return Object.hasOwn(propertiesOf(schema), step) ? propertiesOf(schema)[step] : memberOf(schema, 'items')
}

function propertiesOf(schema: unknown): Readonly<Record<string, unknown>> {
  const properties = memberOf(schema, 'properties')
  return typeof properties === 'object' && properties !== null ? { ...properties } : {}
}

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
